"""The log of API calls: nothing at info, one line with the request's id at debug, and the expensive calls."""

import asyncio
import logging
import time

import httpx2
import pytest

from trunkline.api import observation
from trunkline.api.fast_path import FastPath
from trunkline.api.observation import Observation
from trunkline.api.problems import RequestIds
from trunkline.runtime import callers
from trunkline.runtime.metrics import Metrics


def _lines(caplog) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage() == "answered a request"]


async def test_a_request_is_a_line_at_debug_with_its_id_route_status_and_time(api, caplog):
    caplog.set_level(logging.DEBUG, logger="trunkline.api")
    answer = await api.client.get("/api/v1/events/999999", headers={"X-Request-Id": "mine"})
    [line] = _lines(caplog)
    assert (line.request_id, line.method, line.status) == (answer.headers["x-request-id"], "GET", 404)
    assert line.route == "/api/v1/events/{event_id}"
    assert 0 < line.duration_ms < 5000


async def test_a_request_is_not_logged_at_info(api, caplog):
    caplog.set_level(logging.INFO)
    await api.client.get("/api/v1/events")
    assert _lines(caplog) == []


def work(seconds=0.06, clock=time.perf_counter):
    """Occupy the interpreter for that long by *clock*."""
    ends = clock() + seconds
    while clock() < ends:
        pass


async def work_in_pieces():
    work()
    await asyncio.sleep(0.001)
    work()


async def wait_long():
    await asyncio.sleep(0.7)


@pytest.mark.parametrize(
    ("do", "is_costly"),
    [
        (work_in_pieces, True),
        (lambda: callers.while_present(work_in_pieces()), True),
        (lambda: callers.in_thread(work, 0.15, time.thread_time), True),
        (wait_long, False),
    ],
    ids=["in pieces", "in a task of its own", "in a thread", "waiting"],
)
async def test_a_call_that_costs_the_process_a_tenth_of_a_second_is_named_with_its_company(
    caplog, monkeypatch, do, is_costly
):
    if not is_costly:
        monkeypatch.setattr(observation, "COSTLY_SECONDS", 0.6)  # a busy machine may hold it for a tenth

    async def app(scope, receive, send):
        callers.work_for(92)
        await receive()
        await do()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    metrics = Metrics()
    transport = httpx2.ASGITransport(app=RequestIds(Observation(FastPath(app, handlers={}), metrics=metrics)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        answer = await client.post("/", headers={"X-Request-Id": "mine"})
    lines = [record for record in caplog.records if hasattr(record, "held_ms")]
    assert (answer.status_code, len(lines)) == (200, is_costly)
    for line in lines:
        assert (line.company_id, line.route, line.request_id) == (92, "none", "mine")
        assert line.held_ms > 100
    counted = b'trunkline_costly_calls_total{company="92",route="none"} 1.0' in metrics.text()
    assert counted == is_costly
