"""What is logged about API calls: nothing at info, one line with the request's id at debug."""

import logging


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
