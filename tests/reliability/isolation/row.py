"""A row of the matrix: one thing that somebody hostile does. Its function is its name, and the first line of its docstring says what."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from attack import Attack
from fill import World

Act = Callable[[Attack], Awaitable[None]]
Prepare = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """One hostile behaviour."""

    name: str
    sentence: str
    act: Act
    prepare: Prepare | None
    in_part: tuple[str, ...]
    """The databases on which continuous integration runs it."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    remedy: str = ""
    """What an operator can do where the hub alone cannot hold: a sentence; empty where it must."""
    seconds: float | None = None
    """How long the attack lasts; None for as long as most do."""
    is_alone: bool = False
    """Whether it uses up what was prepared, so that no other row may come after it on its hub."""
    has_worker: bool = False
    """Whether a ``trunkline worker`` shares the hub's deliveries, on PostgreSQL."""

    @property
    def ground(self) -> tuple[str, bool, tuple[tuple[str, str], ...]]:
        """What it needs to begin with; rows with the same ground may share a hub."""
        prepare = "" if self.prepare is None else f"{self.prepare.__module__}.{self.prepare.__qualname__}"
        return prepare, self.has_worker, tuple(sorted(self.settings.items()))


def row(
    *,
    prepare: Prepare | None = None,
    in_part: tuple[str, ...] = (),
    remedy: str = "",
    settings: Mapping[str, str] | None = None,
    seconds: float | None = None,
    is_alone: bool = False,
    has_worker: bool = False,
) -> Callable[[Act], Row]:
    """Make a row of a function that attacks.

    *prepare* fills the database before the hub starts. *in_part* names the databases on which the row is in the part that
    continuous integration runs. *seconds* is how long the attack lasts where it needs longer than others to show what it does:
    until a deadline is over, say, or a retry is due.
    """

    def make(act: Act) -> Row:
        name = getattr(act, "__name__", "").strip("_").replace("_", "-")
        sentence = (act.__doc__ or "").strip().partition("\n")[0]
        return Row(
            *(name, sentence, act, prepare, in_part, settings or {}, remedy),
            seconds=seconds,
            is_alone=is_alone,
            has_worker=has_worker,
        )

    return make
