"""Metrics and health of processes without an API, over a real socket."""

import contextlib

from tests.raw_http import connect, head

from trunkline.api import server
from trunkline.api.side_door import make_side_door


async def _metrics() -> bytes:
    return b"a 1\n"


async def _readiness() -> dict[str, str]:
    return {}


async def test_what_is_refused_is_a_problem_document_with_a_request_id():
    with server.bind("127.0.0.1", 0) as listener:
        async with server.observed(make_side_door(_metrics, _readiness), listener=listener):
            client = await connect(listener.getsockname()[1])
            with contextlib.closing(client):
                await client.send(head("GET", "/metrics"))
                assert (await client.answer()).body == b"a 1\n"
                for method, path, status in (("GET", "/api", 404), ("POST", "/metrics", 405)):
                    await client.send(head(method, path))
                    answer = await client.answer()
                    assert answer.problem["status"] == status
                await client.send(b"garbage\r\n\r\n")
                assert (await client.answer()).problem["type"] == "urn:trunkline:problem:request-malformed"
                assert await client.is_closed()
