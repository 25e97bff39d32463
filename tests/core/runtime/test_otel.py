"""Traces and metrics of a running hub, as OpenTelemetry's SDK records them and as a collector gets them."""

import asyncio
import gzip
import subprocess
import sys
import time

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from tests.answers import json_of
from tests.hubs import start_hub

from trunkline_kit.receiver import Answer, Hang, Receiver

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{SPAN}-01"
SETTINGS = {"otel.enabled": "true", "plugins.enabled": "webhooks,crm,actions,searches"}
LEAD = {"first_name": "J", "last_name": "D", "email": "j@d.example"}


@pytest.fixture
async def traced(sqlite_database_url, monkeypatch):
    """Start a hub that traces into memory, with the given variables ``OTEL_…``."""
    hubs = []

    async def start(**variables):
        for name, value in {"TRACES_EXPORTER": "none", "METRICS_EXPORTER": "none", **variables}.items():
            monkeypatch.setenv(f"OTEL_{name}", value)
        hub = await start_hub(sqlite_database_url, SETTINGS)
        hubs.append(hub)
        exporter = InMemorySpanExporter()
        hub.hub.telemetry.provider.add_span_processor(SimpleSpanProcessor(exporter))
        return hub, exporter

    yield start
    for hub in hubs:
        await hub.stop()


async def emit(hub, **headers):
    answer = await hub.client.post("/api/v1/events/test", json={"type": "lead.created"}, headers=headers)
    return json_of(answer, 201)["id"]


def described(span) -> tuple[str, str, str]:
    return span.name, f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}" if span.parent else ""


async def spans_of(exporter, count: int):
    async with asyncio.timeout(60):
        while len(found := exporter.get_finished_spans()) < count:
            await asyncio.sleep(0.01)
    return sorted(found, key=lambda span: (span.start_time, span.end_time))


async def test_an_event_has_one_trace_from_its_caller_to_each_attempt(traced, receiver):
    hub, exporter = await traced()
    await hub.subscribe(receiver.url)
    receiver.script([Answer(500)])
    event_id = await emit(hub, traceparent=SAMPLED)
    requests = await receiver.wait_for(2)
    accept, match, *attempts = await spans_of(exporter, 4)

    accepted = f"{accept.context.span_id:016x}"
    assert described(accept) == ("accept", TRACE, SPAN)
    assert described(match) == ("match", TRACE, accepted)
    assert [described(attempt) for attempt in attempts] == [("attempt", TRACE, accepted)] * 2
    assert [request.headers["traceparent"] for request in requests] == [
        f"00-{TRACE}-{attempt.context.span_id:016x}-01" for attempt in attempts
    ]
    assert [attempt.status.is_ok for attempt in attempts] == [False, True]
    assert [attempt.attributes["http.response.status_code"] for attempt in attempts] == [500, 200]
    assert {span.attributes["trunkline.event_id"] for span in (accept, match, *attempts)} == {event_id}


async def test_actions_and_searches_have_spans_and_the_events_of_an_action_are_below_it(traced, receiver):
    hub, exporter = await traced()
    await hub.subscribe(receiver.url)
    made = await hub.client.post("/api/v1/integrations/leads", json=LEAD, headers={"traceparent": SAMPLED})
    assert made.status_code == 201, made.text
    (push,) = await receiver.wait_for(1)
    action, *_, attempt = await spans_of(exporter, 3)
    assert described(action) == ("action create_lead", TRACE, SPAN)
    assert described(attempt) == ("attempt", TRACE, f"{action.context.span_id:016x}")
    assert push.headers["traceparent"] == f"00-{TRACE}-{attempt.context.span_id:016x}-01"

    exporter.clear()
    found = await hub.client.get("/api/v1/integrations/leads/search", params={"email": "j@d.example"})
    missing = await hub.client.get("/api/v1/integrations/leads/9")
    assert (found.status_code, missing.status_code) == (200, 404), (found.text, missing.text)
    search, refused = await spans_of(exporter, 2)
    assert search.name == "search find_lead"
    assert refused.attributes["error.type"] == "NotFound"
    assert refused.status.is_unset  # the caller's fault


@pytest.mark.parametrize(("sent", "passed_on"), [(SAMPLED, SAMPLED), ("", None)])
async def test_what_is_not_sampled_costs_no_span_and_goes_through_unchanged(
    traced, receiver, sent, passed_on
):
    hub, exporter = await traced(TRACES_SAMPLER="always_off")
    await hub.subscribe(receiver.url)
    await emit(hub, traceparent=sent)
    (request,) = await receiver.wait_for(1)
    assert request.headers.get("traceparent") == passed_on
    assert exporter.get_finished_spans() == ()


async def received(collector: Receiver, path: str, kind: type, is_enough):
    """Wait until *is_enough* is true for the messages of a collector at *path*; return them."""
    async with asyncio.timeout(60):
        while True:
            bodies = [
                gzip.decompress(request.body) if "content-encoding" in request.headers else request.body
                for request in collector.requests
                if request.path == path
            ]
            messages = [kind.FromString(body) for body in bodies]
            if is_enough(messages):
                return messages
            await asyncio.sleep(0.02)


async def test_a_collector_gets_the_spans_and_every_metric_of_the_page(
    sqlite_database_url, receiver, monkeypatch
):
    async with Receiver() as collector:
        for name, value in {
            "EXPORTER_OTLP_ENDPOINT": collector.url,
            "BSP_SCHEDULE_DELAY": "50",
            "METRIC_EXPORT_INTERVAL": "100",
            "RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        }.items():
            monkeypatch.setenv(f"OTEL_{name}", value)
        hub = await start_hub(sqlite_database_url, SETTINGS)
        await hub.subscribe(receiver.url)
        await emit(hub)
        await receiver.wait_for(1)
        page = text_string_to_metric_families((await hub.operator.get("/metrics")).text)
        # Metrics of shards exist only while the process holds some.
        names = {f.name for f in page if f.samples and not f.name.startswith("trunkline_shard_")}
        assert len(names) > 20
        await hub.stop()

        traces = await received(
            collector, "/v1/traces", ExportTraceServiceRequest,
            lambda found: all(name in str(found) for name in ("accept", "match", "attempt")),
        )  # fmt: skip
        metrics = await received(
            collector, "/v1/metrics", ExportMetricsServiceRequest,
            lambda found: "trunkline_events_accepted" in str(found[-1:]),
        )  # fmt: skip

    spans = [span.name for t in traces for r in t.resource_spans for s in r.scope_spans for span in s.spans]
    assert sorted(spans) == ["accept", "attempt", "match"]
    (last,) = metrics[-1].resource_metrics
    ever = {
        metric.name for message in metrics for metric in message.resource_metrics[0].scope_metrics[0].metrics
    }
    assert {name.removesuffix("_created") for name in names} - ever == set()
    resource = {one.key: one.value.string_value for one in last.resource.attributes}
    assert resource["service.name"] == "trunkline"
    assert resource["deployment.environment.name"] == "test"
    assert resource["service.instance.id"]
    sent = {metric.name: metric for metric in last.scope_metrics[0].metrics}
    (accepted,) = sent["trunkline_events_accepted"].sum.data_points
    assert accepted.as_double == 1
    assert {a.key: a.value.string_value for a in accepted.attributes} == {"type": "lead.created"}
    assert sent["trunkline_events_accepted"].sum.is_monotonic
    (size,) = sent["trunkline_group_commit_events"].histogram.data_points
    assert (size.count, size.sum, size.bucket_counts[0], sum(size.bucket_counts)) == (1, 1, 1, 1)
    assert len(size.bucket_counts) == len(size.explicit_bounds) + 1


@pytest.mark.slow
async def test_a_collector_that_does_not_answer_holds_up_no_event_and_no_stop_for_long(
    sqlite_database_url, receiver, monkeypatch
):
    async with Receiver() as collector:
        collector.script([Hang()] * 100)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        hub = await start_hub(sqlite_database_url, SETTINGS)
        await hub.subscribe(receiver.url)
        await emit(hub)
        await receiver.wait_for(1)
        await collector.wait_for(1)
        began = time.monotonic()
        await hub.stop()
        assert time.monotonic() - began < 9


@pytest.mark.slow
def test_without_tracing_nothing_of_the_sdk_is_loaded():
    script = (
        "import sys, trunkline.api.app, trunkline.hub.delivering;"
        "print([n for n in sys.modules if n.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=150
    )
    assert done.stdout == "[]\n"
