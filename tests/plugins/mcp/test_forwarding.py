"""MCP Events behind a product's own MCP server, by the middleware of the Python client."""

import json
import os
import shutil
import sys
from pathlib import Path

import httpx2
import pytest
from tests.answers import json_of
from tests.plugins.mcp import product_server
from tests.plugins.mcp.conversation import HANDSHAKE, MODERN, Conversation

from trunkline_client.mcp_events import MAX_BYTES, EventForwarder

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "docs" / "examples" / "agents"
AWAY = "http://127.0.0.1:9"


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_sample_server_gives_three_clients_the_events_of_their_company(
    served_hub, install_node_packages
):
    packages = install_node_packages(HERE / "node")
    shutil.copy(HERE / "node" / "events.mjs", packages)
    command = (sys.executable, "-m", "uvicorn", "product_mcp:app", "--log-level", "warning", "--port")
    async with product_server.started(
        command, hub=served_hub, folder=EXAMPLES, environment=dict(os.environ)
    ) as url:
        await product_server.check(url, served_hub, packages)


class Own:
    """A product's server that answers each message with the message itself."""

    async def __call__(self, scope, receive, send):
        body, has_more = b"", True
        while has_more:
            message = await receive()
            body += message["body"]
            has_more = message.get("more_body", False)
        is_opening = b'"initialize"' in body or b'"server/discover"' in body
        told = b'{"result":{"capabilities":{"tools":{}}}}'
        sent = b"event: message\ndata: " + told + b"\n\n" if b'"sse"' in body else told
        answer = sent if is_opening else b"own %d" % len(body)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"%d" % len(answer))],
            }
        )
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture
def through(api):
    """``async with through(company_of=…) as http``: a client of the forwarder in front of ``Own``, with the hub in this process."""

    def make(company_of, *, hub="http://hub.test", key=None):
        to_hub = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=api.app)) if hub != AWAY else None
        key = key or api.operator.headers["x-api-key"]
        app = EventForwarder(Own(), hub=hub, key=key, company_of=company_of, http=to_hub)
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://product.test")

    return make


@pytest.mark.parametrize("era", [MODERN, HANDSHAKE[-1]])
async def test_events_go_to_the_hub_for_the_company_and_the_rest_to_the_server(api, through, era):
    async def company_of(scope):
        return {b"jane": api.company_id, b"john": api.neighbour_id}.get(dict(scope["headers"]).get(b"who"))

    async with through(company_of) as http:
        jane, john, nobody = (
            Conversation(http, version=era, headers={"who": who}) for who in ("jane", "john", "?")
        )
        cursor = (await jane.ask("events/poll", {"name": "payment.failed"}))["cursor"]
        event = await api.emit("payment.failed")
        [found] = (await jane.ask("events/poll", {"name": "payment.failed", "cursor": cursor}))["events"]
        assert found["eventId"] == str(event.event_id)
        assert (await john.ask("events/poll", {"name": "payment.failed", "cursor": cursor}))["events"] == []
        for asked in (nobody.send("events/list"), jane.send("tools/list"), http.get("/mcp")):
            assert (await asked).text.startswith("own ")
        long = await http.post("/mcp", content=b" " * MAX_BYTES * 3)
        assert long.text == f"own {MAX_BYTES * 3}"


@pytest.mark.parametrize("more", ["", "sse"])
@pytest.mark.parametrize("method", ["initialize", "server/discover"])
async def test_the_answer_to_a_first_message_says_that_there_are_events(through, method, more):
    async with through(None) as http:
        answer = await http.post("/mcp", json={"method": method, "params": more})
        line = answer.text.removeprefix("event: message\ndata: ")
        extensions = {"io.modelcontextprotocol/events": {"listChanged": False}}
        assert json.loads(line)["result"]["capabilities"] == {
            "tools": {},
            "events": {},
            "extensions": extensions,
        }
        assert int(answer.headers["content-length"]) == len(answer.content)


async def test_a_hub_that_is_away_or_refuses_the_key_is_told_as_an_error_of_the_message(api, through):
    async def company_of(_):
        return api.company_id

    for changed in ({"hub": AWAY}, {"key": "no key"}):
        async with through(company_of, **changed) as http:
            answer = json_of(await http.post("/mcp", json={"id": 7, "method": "events/list"}), 503)
            assert (answer["id"], answer["error"]["code"]) == (7, -32603)
