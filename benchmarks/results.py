"""The interface of a suite: ``def run(options: Options) -> list[Row]``, one module per suite."""

from dataclasses import dataclass
from statistics import median

from benchmarks import processes


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure: *scale* 1.0 is a full run, 0.01 only shows that the suite runs; the median of *rounds* counts.

    *engines* are the databases to measure on.
    """

    scale: float = 1.0
    rounds: int = 3
    engines: tuple[str, ...] = processes.ENGINES

    def scaled(self, full: float, *, least: float = 1) -> int:
        """Return *full* multiplied by this run's scale, and at least *least*."""
        return max(int(least), round(full * self.scale))


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement and its target.

    A figure's key ends in its unit (``_us``, ``_ms``, ``_per_second``, ``_mb``), except plain counts. Figures of
    the baseline in the same run have keys that start with ``baseline_``; *ratio* is the hub's figure divided by the baseline's.
    """

    name: str
    figures: dict[str, float]
    ratio: float | None
    target: str
    met: bool
    note: str = ""


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return, for each figure, the median over the rounds."""
    return {key: median(figures[key] for figures in rounds) for key in rounds[0]}
