"""The signals that wake a dispatcher."""

from dataclasses import dataclass

from trunkline.store.wakeup import Signal, Wakeup


@dataclass(frozen=True, slots=True)
class Signals:
    """What wakes a dispatcher: the *log* has grown, a delivery is *due*, a *replay* runs.

    Another process's dispatcher is woken by the log alone; it looks for the others once a second.
    """

    log: Wakeup
    due: Signal
    replay: Signal
