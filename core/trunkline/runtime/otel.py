"""Traces and metrics by OTLP over HTTP, with OpenTelemetry's SDK. Imported only if ``otel.enabled`` is set.

The SDK reads endpoint, sampling and the service's name from the variables ``OTEL_…``.
"""

import asyncio
import contextlib
import os
import queue
import threading
import time
import uuid
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from trunkline.errors import Refused
from trunkline.model.trace_context import TRACEPARENT
from trunkline.runtime.background import Background
from trunkline.runtime.metrics import Metrics
from trunkline.runtime.otel_metrics import data_of
from trunkline.runtime.tracing import Attributes, Span, SpanKind
from trunkline.version import __version__

STOP_SECONDS = 3.0
"""How long a stop waits for a collector that does not accept the remaining data."""
_KINDS = {kind: trace.SpanKind[kind.value] for kind in SpanKind}
_NO_CONTEXT = Context()
_PROPAGATOR = TraceContextTextMapPropagator()


class _Span:
    """A span. An unsampled one keeps nothing, and its children get the trace context of its parent."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: trace.Span, parent: str | None) -> None:
        self._span = span
        self.traceparent = parent
        if span.is_recording():
            context = span.get_span_context()
            self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._span.set_attribute("error.type", kind.__name__)
            if not isinstance(error, Refused):
                self.fail(kind.__name__)
        self._span.end()

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(_present(attributes))

    def fail(self, reason: str) -> None:
        self._span.set_status(trace.Status(trace.StatusCode.ERROR, reason))


class OpenTelemetry:
    """Sends spans, and *metrics* once per interval, from separate threads, while it is entered (``runtime.tracing``)."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._began_ns = time.time_ns()
        self._resource = _resource()
        self.provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
        self._tracer = self.provider.get_tracer("trunkline", __version__)
        interval = os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "")
        self._interval_seconds = int(interval) / 1000 if interval.isdigit() and int(interval) else 60.0
        self._collecting: Background | None = None
        self._collected: queue.SimpleQueue[MetricsData | None] = queue.SimpleQueue()

    async def __aenter__(self) -> Self:
        if _is_exported("OTEL_TRACES_EXPORTER"):
            self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        exporter = OTLPMetricExporter() if _is_exported("OTEL_METRICS_EXPORTER") else None
        loop, has_sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            for collected in iter(self._collected.get, None):
                if exporter is not None:
                    exporter.export(collected)
            self.provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop has not started to wait
                loop.call_soon_threadsafe(has_sent.set)

        # Not one of the loop's threads, which would keep the process alive while the collector does not answer.
        threading.Thread(target=send, name="otel", daemon=True).start()
        self._has_sent = has_sent
        if exporter is not None:
            self._collecting = Background(
                "the collection of metrics",
                self._collect,
                seconds=self._interval_seconds,
                first_seconds=self._interval_seconds,
            )
            await self._collecting.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._collecting is not None:
            await self._collecting.__aexit__()
            self._collected.put(self._data())
        self._collected.put(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_sent.wait(), STOP_SECONDS)

    def span(self, name: str, kind: SpanKind, *, parent: str | None, attributes: Attributes) -> Span:
        """Begin a span, recorded if the sampler selects it."""
        carrier = {} if parent is None else {TRACEPARENT: parent}
        context = _PROPAGATOR.extract(carrier, _NO_CONTEXT)
        span = self._tracer.start_span(
            name, context=context, kind=_KINDS[kind], attributes=_present(attributes)
        )
        return _Span(span, parent)

    async def _collect(self) -> None:
        if self._collected.empty():  # the collector keeps up
            self._collected.put(self._data())

    def _data(self) -> MetricsData:
        """Read the metrics in the event loop, as for Prometheus, since gauges read state that only the loop may change."""
        families, now_ns = self._metrics.registry.collect(), time.time_ns()
        return data_of(families, self._resource, began_ns=self._began_ns, now_ns=now_ns)


def _resource() -> Resource:
    """Describe this process: the variables' attributes, plus defaults for missing ones."""
    found = Resource.create()
    defaults = Resource({"service.instance.id": str(uuid.uuid4()), "service.version": __version__})
    is_named = not str(found.attributes["service.name"]).startswith("unknown_service")
    return defaults.merge(found).merge(Resource({} if is_named else {"service.name": "trunkline"}))


def _is_exported(variable: str) -> bool:
    return os.environ.get(variable, "otlp") != "none"


def _present(attributes: Attributes) -> dict[str, str | int]:
    return {name: value for name, value in attributes.items() if value is not None}
