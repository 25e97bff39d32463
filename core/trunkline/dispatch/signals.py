"""The signals that wake a dispatcher."""

from dataclasses import dataclass

from trunkline.store.wakeup import Signal, Wakeup


@dataclass(frozen=True, slots=True)
class Signals:
    """What wakes a dispatcher: the *log* has grown, a delivery is *due*, a *replay* runs, it is the *turn* of a
    delivery that is in an order.

    Another process's dispatcher is woken by the log alone; it looks for the others once a second.
    """

    log: Wakeup
    due: Signal
    replay: Signal
    turn: Signal
