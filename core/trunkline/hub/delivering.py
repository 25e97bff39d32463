"""Makes the dispatcher of a hub. Only processes that deliver load this module."""

import time
from typing import TYPE_CHECKING

from trunkline.dispatch.attempts.sender import Sender
from trunkline.dispatch.dispatcher import Dispatcher
from trunkline.dispatch.ledger.reports import Reports
from trunkline.runtime.clock import SystemClock
from trunkline.store.connections import Connections

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub


def make_dispatcher(hub: "Hub", connections: Connections) -> Dispatcher:
    """Make the dispatcher of *hub*. It may open as many connections to the database as ``connections.lanes``."""
    hub.metrics.watch_certificates(lambda: [ends - time.time() for ends in hub.http.certificates.values()])
    return Dispatcher(
        hub.engines,
        hub.settings.delivery.model_copy(update={"concurrency": hub.files.attempts}),
        records=hub.subscription_records,
        sender=Sender(
            hub.channels(),
            hub.http.for_tenant,
            schema_versions=hub.schema_versions,
            now_ms=SystemClock().now_ms,
            aged_ms=hub.clock_guard.aged_ms,
            tracer=hub.telemetry,
        ),
        signals=hub.signals,
        reports=Reports(hub.metrics, hub.notifier),
        keep_up=hub.clock_guard.keep_up,
        connections=connections.lanes,
        certificates=lambda: hub.http.certificates,
    )
