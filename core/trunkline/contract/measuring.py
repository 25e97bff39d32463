"""Metrics that a plugin adds to those of the hub."""

from typing import Protocol


class PluginCounter(Protocol):
    """Counts how often something happens."""

    def count(self, *labels: str, by: int = 1) -> None:
        """Add *by* to the counter, under the metric's label values."""
        ...


class PluginDurations(Protocol):
    """Measures durations, as a histogram of seconds."""

    def observe(self, seconds: float, *labels: str) -> None:
        """Add a duration of *seconds*, under the metric's label values."""
        ...


class PluginMetrics(Protocol):
    """Adds metrics to ``GET /metrics``, named ``trunkline_{plugin}_{name}``; values of several processes are added up.

    Make each metric once, during setup. A metric has up to 500 combinations of label values; further ones are counted
    with ``other`` for every label, so that input from strangers cannot fill the memory.

    Raises:
        ValueError: the name or a label has characters other than lower-case letters, digits and ``_``, or the metric exists with
            other labels or of another kind.
    """

    def counter(self, name: str, documentation: str, *labels: str) -> PluginCounter:
        """Add a counter; ``_total`` is appended to its name."""
        ...

    def durations(self, name: str, documentation: str, *labels: str) -> PluginDurations:
        """Add a histogram of seconds."""
        ...
