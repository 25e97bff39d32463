"""The metrics that plugins add to the hub's registry (``contract.PluginMetrics``)."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import prometheus_client
from msgspec import Struct, field
from prometheus_client import CollectorRegistry

from trunkline.runtime.collectors import OTHER
from trunkline.runtime.metrics import SECONDS

MOST_SERIES = 500
"""The maximum number of combinations of label values per metric."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class _Metric(Struct, frozen=True):
    """A metric of a plugin. It distinguishes the first ``MOST_SERIES`` combinations of label values that were counted."""

    metric: Any
    labels: tuple[str, ...]
    known: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])

    def series(self, values: tuple[str, ...]) -> Any:
        """Return the series in which *values* are counted: their own, or that of ``other`` above the limit."""
        if values not in self.known:
            if len(values) != len(self.labels):
                msg = f"this metric has {len(self.labels)} labels, not {len(values)}"
                raise ValueError(msg)
            if len(self.known) < MOST_SERIES:
                self.known.add(values)
            else:
                values = (OTHER,) * len(values)
        return self.metric.labels(*values) if values else self.metric


class Counter(_Metric, frozen=True):
    """A counter of a plugin."""

    def count(self, *labels: str, by: int = 1) -> None:
        """Increase the counter by *by*."""
        self.series(labels).inc(by)


class Durations(_Metric, frozen=True):
    """A histogram of a plugin."""

    def observe(self, seconds: float, *labels: str) -> None:
        """Record one duration of *seconds*."""
        self.series(labels).observe(seconds)


Kind = TypeVar("Kind", Counter, Durations)


class PluginMetrics:
    """Makes the metrics of *plugin*; a second request with the same name and labels gives the same metric."""

    def __init__(self, registry: CollectorRegistry, *, plugin: str) -> None:
        self._registry = registry
        self._plugin = plugin
        self._made: dict[str, Counter | Durations] = {}

    def counter(self, name: str, documentation: str, *labels: str) -> Counter:
        """Add a counter. Raises ValueError."""
        return self._find(
            Counter, name, labels, partial(prometheus_client.Counter, documentation=documentation)
        )

    def durations(self, name: str, documentation: str, *labels: str) -> Durations:
        """Add a histogram of seconds. Raises ValueError."""
        make = partial(prometheus_client.Histogram, documentation=documentation, buckets=SECONDS)
        return self._find(Durations, name, labels, make)

    def _find(self, kind: type[Kind], name: str, labels: tuple[str, ...], make: Callable[..., Any]) -> Kind:
        for word in (name, *labels):
            if _NAME.fullmatch(word) is None:
                msg = f"'{word}' is no name for a metric or a label: take lower-case letters, digits and '_'"
                raise ValueError(msg)
        whole = f"trunkline_{self._plugin}_{name}"
        found = self._made.get(whole)
        if found is None:
            metric = make(whole, labelnames=labels, registry=self._registry)
            found = self._made[whole] = kind(metric, labels)
        if not isinstance(found, kind) or found.labels != labels:
            msg = f"the metric '{whole}' is there already, with other labels or of another kind"
            raise ValueError(msg)
        return found
