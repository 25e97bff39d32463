"""The signals that wake a dispatcher."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trunkline.store.wakeup import Signal, Wakeup

KeepUp = Callable[[], Awaitable[None]]
"""Prevents a step of the clock from making anything due (``store.clock``)."""


async def kept_up() -> None:
    """Do nothing: the clock of a test does not step."""


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals that wake a dispatcher: the *log* has grown, a delivery is *due*, a *replay* runs, a delivery in an order
    has its *turn*. The dispatcher itself sets *erasure* if a company is to be erased.

    Only the log wakes the dispatchers of other processes; they look for the rest once a second.
    """

    log: Wakeup
    due: Signal
    replay: Signal
    turn: Signal
    erasure: Signal = field(default_factory=Signal)
