"""The progress of a replay: a bar on a terminal, or a line at intervals in a pipe."""

import contextlib
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from msgspec import Struct
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from trunkline.cli.output import span, warn

LINE_SECONDS = 5.0

Show = Callable[[int], None]
"""Shows the number of deliveries made so far."""


class Total(Struct, frozen=True):
    """The number of deliveries of a replay; if there was no time to count all of them, it is a minimum."""

    deliveries: int
    is_complete: bool = True

    def __str__(self) -> str:
        return f"{'' if self.is_complete else 'at least '}{self.deliveries:,}"


def shown(total: Total) -> AbstractContextManager[Show]:
    """Open the function that shows the progress of a replay of *total* deliveries on standard error."""
    if sys.stderr.isatty():
        return bar(total, Console(stderr=True))
    return contextlib.nullcontext(Lines(total).show)


@contextlib.contextmanager
def bar(total: Total, console: Console) -> Generator[Show]:
    """Draw a bar against *total* with the remaining time; if the total is unknown, draw a moving bar."""
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    rest = (TextColumn("left"), TimeRemainingColumn()) if total.is_complete else ()
    with Progress(*columns, *rest, console=console) as progress:
        task = progress.add_task("replay", total=total.deliveries if total.is_complete else None)
        yield lambda delivered: progress.update(task, completed=delivered)


@dataclass(slots=True)
class Lines:
    """Writes a line at the beginning, and then a line every ``LINE_SECONDS``."""

    total: Total
    clock: Callable[[], float] = time.monotonic
    write: Callable[[str], None] = warn
    _began: float = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._last = self.clock()
        self.write(f"To be sent: {self.total}.")

    def show(self, delivered: int) -> None:
        """Write the progress, the speed and the remaining time, if a line is due."""
        now = self.clock()
        if now - self._last < LINE_SECONDS:
            return
        self._last = now
        per_second = delivered / (now - self._began)
        left = max(self.total.deliveries - delivered, 0)
        is_known = self.total.is_complete and delivered > 0
        rest = f", {span(left / per_second)} left" if is_known else ""
        self.write(f"{delivered:,} of {self.total} delivered, {per_second:,.0f}/s{rest}")
