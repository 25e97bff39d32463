"""Merging the metrics of several processes into one set.

Counters are added up. The counts of an ended process stay in the sum, because a sum that falls would look like a
counter that was reset. ``Metrics`` decides how a gauge is merged.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field
from prometheus_client import generate_latest
from prometheus_client.core import Metric

from trunkline.runtime.collectors import Merging
from trunkline.runtime.metrics import Metrics


class Sample(NamedTuple):
    """One value of a family."""

    name: str
    labels: Mapping[str, str]
    value: float


class Family(NamedTuple):
    """One metric of one process, with its samples."""

    name: str
    documentation: str
    type: str
    merging: str
    samples: Sequence[Sample]


def families_of(metrics: Metrics) -> list[Family]:
    """Read the metrics of this process."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            metrics.merging.get(metric.name, Merging.SUM),
            [Sample(sample.name, sample.labels, sample.value) for sample in metric.samples],
        )
        for metric in metrics.registry.collect()
    ]


_Key = tuple[str, tuple[tuple[str, str], ...]]


class _Sum(Struct):
    """The merged family of several processes."""

    family: Family
    values: dict[_Key, float] = field(default_factory=dict[_Key, float])

    def add(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            key = (sample.name, tuple(sample.labels.items()))
            before, value = self.values.get(key), sample.value
            if before is None:
                self.values[key] = value
            elif sample.name.endswith("_created") or self.family.merging == Merging.LEAST:
                self.values[key] = min(before, value)
            else:
                self.values[key] = (
                    before + value if self.family.merging == Merging.SUM else max(before, value)
                )

    def metric(self) -> Metric:
        metric = Metric(self.family.name, self.family.documentation, self.family.type)
        for (name, labels), value in self.values.items():
            metric.add_sample(name, dict(labels), value)
        return metric


class MergedMetrics(Struct):
    """The metrics of several processes, each under a unique number."""

    _latest: dict[int, Sequence[Family]] = field(default_factory=dict[int, Sequence[Family]])
    _ended: dict[str, _Sum] = field(default_factory=dict[str, _Sum])

    def seen(self, process: int, families: Sequence[Family]) -> None:
        """Store the current metrics of *process*."""
        self._latest[process] = families

    def ended(self, process: int) -> None:
        """Keep only the last seen counters of *process*."""
        for family in self._latest.pop(process, ()):
            if family.merging == Merging.SUM and family.type != "gauge":
                _add(self._ended, family)

    def collect(self) -> Iterable[Metric]:
        """Return the merged metrics, like a registry of the library."""
        sums = {name: _Sum(one.family, dict(one.values)) for name, one in self._ended.items()}
        for families in self._latest.values():
            for family in families:
                _add(sums, family)
        return [one.metric() for one in sums.values()]

    def text(self) -> bytes:
        """Write the merged metrics in Prometheus's text format."""
        return generate_latest(self)


def _add(sums: dict[str, _Sum], family: Family) -> None:
    sums.setdefault(family.name, _Sum(family)).add(family.samples)
