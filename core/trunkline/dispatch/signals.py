"""The signals that wake a dispatcher."""

from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from trunkline.store.wakeup import Signal, Wakeup

KeepUp = Callable[[], Awaitable[None]]
"""Called before due times are read, so that a jump of the clock makes no delivery due (``store.clock``)."""


async def kept_up() -> None:
    """Do nothing, because the clock in a test does not jump."""


class Signals(Struct, frozen=True):
    """The signals that wake a dispatcher.

    *log*: the log has grown. *due*: a delivery is due. *replay*: a replay runs. *turn*: the next delivery of an order
    key may begin. The dispatcher itself sets *erasure* if a company is to be erased. Only *log* reaches the dispatchers
    of other processes; they query the database once a second for everything else.
    """

    log: Wakeup
    due: Signal
    replay: Signal
    turn: Signal
    erasure: Signal = field(default_factory=Signal)
