"""Tracing of a process: the protocol that services call, and the function that makes its implementation.

Without ``otel.enabled`` services get None instead, and OpenTelemetry's SDK is not imported.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from trunkline.errors import SettingsInvalid
from trunkline.runtime.metrics import Metrics

if TYPE_CHECKING:
    from trunkline.runtime.otel import OpenTelemetry

Attributes = Mapping[str, str | int | None]
"""The attributes of a span; None values are left out."""


class SpanKind(StrEnum):
    """The kind of a span: an answer to a caller, an internal step, or a call to a target."""

    SERVER = "SERVER"
    INTERNAL = "INTERNAL"
    CLIENT = "CLIENT"


class Span(AbstractContextManager["Span", None], Protocol):
    """A span, which ends on exit; an exception ends it as failed."""

    @property
    def traceparent(self) -> str | None:
        """The trace context for its children: the parent's if the span is not sampled."""
        ...

    def __enter__(self) -> Self: ...

    def set(self, attributes: Attributes) -> None:
        """Add *attributes*."""
        ...

    def fail(self, reason: str) -> None:
        """Mark the span as failed."""
        ...


class Tracer(Protocol):
    """Begins spans."""

    def span(self, name: str, kind: SpanKind, *, parent: str | None, attributes: Attributes) -> Span:
        """Begin a span below *parent*, a ``traceparent``; None begins a new trace."""
        ...


def telemetry_of(metrics: Metrics, *, is_enabled: bool) -> "OpenTelemetry | None":
    """Make the sender of traces and *metrics* (``OTEL_…``), if it is on. Raises SettingsInvalid without the extra ``otel``."""
    if not is_enabled or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    try:
        from trunkline.runtime.otel import OpenTelemetry  # noqa: PLC0415 - here, as the SDK is an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "opentelemetry":
            raise
        msg = "Setting 'otel.enabled': needs OpenTelemetry's SDK; install it with: pip install 'trunkline[otel]'"
        raise SettingsInvalid(msg) from None
    return OpenTelemetry(metrics)
