"""The signals that wake a dispatcher."""

from msgspec import Struct, field

from trunkline.store.wakeup import Signal, Wakeup


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
