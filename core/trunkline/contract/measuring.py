"""Metrics that a plugin adds to those of the hub."""

from typing import Protocol


class PluginCounter(Protocol):
    """Counts what has happened."""

    def count(self, *labels: str, by: int = 1) -> None:
        """Count something *by* times more, under the values of the labels that the metric was made with."""
        ...


class PluginDurations(Protocol):
    """Counts how long things took, as a histogram of seconds."""

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one that took *seconds*, under the values of the labels that the metric was made with."""
        ...


class PluginMetrics(Protocol):
    """Adds metrics to ``GET /metrics``, named ``trunkline_{plugin}_{name}``; of several processes they are added up.

    Make each once, where the plugin is set up. A metric has up to 500 combinations of values; whatever comes later is counted
    with ``other`` for every label, so that nothing that a stranger sends can fill the memory.

    Raises:
        ValueError: the name or a label is not made of lower-case letters, digits and ``_``, or the metric is there otherwise.
    """

    def counter(self, name: str, documentation: str, *labels: str) -> PluginCounter:
        """Add a counter; its name ends with ``_total`` by itself."""
        ...

    def durations(self, name: str, documentation: str, *labels: str) -> PluginDurations:
        """Add a histogram of seconds."""
        ...
