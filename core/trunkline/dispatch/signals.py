"""The signals that wake a dispatcher."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trunkline.store.wakeup import Signal, Wakeup

KeepUp = Callable[[], Awaitable[None]]
"""Sees to it that no step of a clock makes anything due (``store.clock``)."""


async def kept_up() -> None:
    """Do nothing: the clock of a test does not step."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What wakes a dispatcher: the *log* has grown, a delivery is *due*, a *replay* runs, it is the *turn* of a
    delivery that is in an order. The dispatcher itself sets *erasure*, where a company is to be erased.

    Another process's dispatcher is woken by the log alone; it looks for the others once a second.
    """

    log: Wakeup
    due: Signal
    replay: Signal
    turn: Signal
    erasure: Signal = field(default_factory=Signal)
