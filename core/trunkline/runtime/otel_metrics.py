"""The Prometheus metrics as data of OpenTelemetry's SDK, under the same names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from trunkline.version import __version__

_CUMULATIVE = AggregationTemporality.CUMULATIVE
_UNKNOWN: Any = None
"""Minimum and maximum, which Prometheus's histograms do not have."""


def data_of(families: Iterable[Family], resource: Resource, *, began_ns: int, now_ns: int) -> MetricsData:
    """Convert *families* to the data to send; counters and histograms count since *began_ns*."""
    metrics = [
        Metric(family.name, family.documentation, "", data)
        for family in families
        if (data := _data(family, began_ns, now_ns)) is not None
    ]
    scope = ScopeMetrics(InstrumentationScope("trunkline", __version__), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _data(family: Family, began_ns: int, now_ns: int) -> Sum | Gauge | Histogram | None:
    """Convert a counter, gauge or histogram; None for other kinds, or without samples."""
    if family.type == "histogram":
        points = [*_histogram_points(family, began_ns, now_ns)]
        return Histogram(points, _CUMULATIVE) if points else None
    counts = family.type == "counter"
    if not counts and family.type != "gauge":
        return None
    numbers = [
        NumberDataPoint(sample.labels, began_ns if counts else 0, now_ns, sample.value)
        for sample in family.samples
        if not (counts and sample.name.endswith("_created"))
    ]
    if not numbers:
        return None
    return Sum(numbers, _CUMULATIVE, is_monotonic=True) if counts else Gauge(numbers)


def _histogram_points(family: Family, began_ns: int, now_ns: int) -> Iterator[HistogramDataPoint]:
    """Convert cumulative buckets to buckets that count the values between two bounds."""
    by_labels: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        by_labels.setdefault(labels, []).append(sample)
    for labels, samples in by_labels.items():
        found: Mapping[str, float] = {sample.name: sample.value for sample in samples}
        buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
        counts: Sequence[int] = [int(sample.value) for sample in buckets]
        yield HistogramDataPoint(
            dict(labels),
            began_ns,
            now_ns,
            count=int(found[f"{family.name}_count"]),
            sum=found[f"{family.name}_sum"],
            bucket_counts=[upper - lower for lower, upper in zip([0, *counts], counts, strict=False)],
            explicit_bounds=[float(sample.labels["le"]) for sample in buckets[:-1]],
            min=_UNKNOWN,
            max=_UNKNOWN,
        )
