"""What traces a process: the protocol that services call, and the one way to something that carries it out.

Without ``otel.enabled`` services have None in its place, and nothing of OpenTelemetry's SDK is loaded.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from enum import StrEnum
from typing import Protocol, Self

from trunkline.errors import SettingsInvalid
from trunkline.runtime.metrics import Metrics

Attributes = Mapping[str, str | int | None]
"""What a span tells; what is None is left out."""


class SpanKind(StrEnum):
    """What a span is: an answer to a caller, a step of the hub's own, or a call of a target."""

    SERVER = "SERVER"
    INTERNAL = "INTERNAL"
    CLIENT = "CLIENT"


class Span(AbstractContextManager["Span", None], Protocol):
    """A span, which ends when it is left; an error that is raised in it ends it as failed."""

    @property
    def traceparent(self) -> str | None:
        """The trace context of what follows from it: that of its parent if it is not sampled."""
        ...

    def __enter__(self) -> Self: ...

    def set(self, attributes: Attributes) -> None:
        """Add *attributes*."""
        ...

    def fail(self, reason: str) -> None:
        """Say that what it stands for has failed."""
        ...


class Tracer(Protocol):
    """Begins spans."""

    def span(self, name: str, kind: SpanKind, *, parent: str | None, attributes: Attributes) -> Span:
        """Begin a span below *parent*, a ``traceparent``, or that of a new trace for None."""
        ...


class Telemetry(Tracer, AbstractAsyncContextManager["Telemetry", None], Protocol):
    """A tracer that sends its spans and this process's metrics while it is entered."""

    async def __aenter__(self) -> Self: ...


def telemetry_of(metrics: Metrics, *, is_enabled: bool) -> Telemetry | None:
    """Make what sends traces and *metrics*, as the variables ``OTEL_…`` say; None if that is off.

    Raises:
        SettingsInvalid: the extra ``otel`` is not installed.
    """
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
