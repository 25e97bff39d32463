"""The signals that wake a dispatcher."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trunkline.store.wakeup import Signal, Wakeup

KeepUp = Callable[[], Awaitable[None]]
"""Called before due times are read, so that a step of the clock makes nothing due (``store.clock``)."""


async def kept_up() -> None:
    """Do nothing: the clock of a test does not step."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals that wake a dispatcher.

    *log*: the log has grown. *due*: a delivery is due. *replay*: a replay runs. *turn*: the next delivery of an order key may
    begin. The dispatcher itself sets *erasure* if a company is to be erased. Only *log* wakes the dispatchers of other
    processes; they query for the rest once a second.
    """

    log: Wakeup
    due: Signal
    replay: Signal
    turn: Signal
    erasure: Signal = field(default_factory=Signal)
