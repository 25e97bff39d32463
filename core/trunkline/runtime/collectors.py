"""Metrics that are read at each scrape, and the rules for merging the metrics of several processes."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from trunkline.model.environments import company_number, is_test

OTHER = "other"
"""The value of the label ``company`` for all companies above the limit."""

Family = GaugeMetricFamily | CounterMetricFamily
Samples = Iterable[tuple[str, float]]


class Merging(StrEnum):
    """How the figures of several processes are merged into one."""

    SUM = "sum"
    MOST = "max"
    LEAST = "min"


MERGED_OF_PROCESS: Mapping[str, Merging] = {
    "process_virtual_memory_bytes": Merging.SUM,
    "process_resident_memory_bytes": Merging.SUM,
    "process_open_fds": Merging.SUM,
    "process_max_fds": Merging.LEAST,
    "process_start_time_seconds": Merging.LEAST,
}
"""How the gauges of ``ProcessCollector`` are merged; its counter is added up, like every counter."""


class Lazy(Collector):
    """A metric whose samples are read at each scrape. It has one label or none; without a label, the label value is ""."""

    def __init__(
        self, kind: type[Family], name: str, documentation: str, *labels: str, registry: CollectorRegistry
    ) -> None:
        self._kind = kind
        self._name = name
        self._documentation = documentation
        self._labelnames = labels  # under the name by which the library finds its own metrics
        self._read: Callable[[], Samples] = tuple
        registry.register(self)

    def set_function(self, read: Callable[[], Samples]) -> None:
        """Read label values and samples from *read*."""
        self._read = read

    def describe(self) -> Iterable[Family]:
        """Return the metric without samples."""
        return [self._kind(self._name, self._documentation, labels=self._labelnames)]

    def collect(self) -> Iterable[Family]:
        """Return the metric with its current samples."""
        family = self._kind(self._name, self._documentation, labels=self._labelnames)
        for label, value in self._read():
            family.add_metric([label] if self._labelnames else [], value)
        return [family]


class CompanyLabels:
    """The values of the label ``company``: the first *most* companies get their own."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._labels: dict[int, str] = {}

    def label(self, company_id: int) -> str:
        """Return the label of *company_id*."""
        if (label := self._labels.get(company_id)) is not None:
            return label
        if len(self._labels) >= self._most:
            return OTHER
        return self._labels.setdefault(
            company_id, f"{company_number(company_id)}{'/test' if is_test(company_id) else ''}"
        )
