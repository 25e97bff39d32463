"""A row of the matrix: one hostile behaviour. A function's name is the row's name; its docstring's first line is the description."""

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
    """The databases on which continuous integration runs the row."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    remedy: str = ""
    """The operator's remedy if the hub alone cannot withstand the row: a sentence; empty if the hub must withstand it."""
    seconds: float | None = None
    """Duration of the attack; None for the usual one."""
    is_alone: bool = False
    """Whether the row uses up the prepared data, so that no other row can follow on its hub."""
    has_worker: bool = False
    """Whether a ``trunkline worker`` shares the hub's deliveries, on PostgreSQL."""

    @property
    def ground(self) -> tuple[str, bool, tuple[tuple[str, str], ...]]:
        """Give the row's preparation, need of a worker, and settings; rows with equal ones may share a hub."""
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
    """Make a row from an attacking function.

    *prepare* fills the database before the hub starts. *in_part* names the databases on which continuous integration runs the row.
    *seconds* is the duration of an attack that needs longer than others, such as until a deadline or a retry.
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
