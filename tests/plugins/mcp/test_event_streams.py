"""MCP Events by stream: opening it, its frames, its limits and its end."""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass

import httpx2
import pytest
from tests.plugins.mcp.conversation import HANDSHAKE, Conversation
from tests.plugins.mcp.issuer import AUDIENCE, issuing
from tests.plugins.oauth.flow import CALLBACK, App, Person, connect
from tests.statements import execute

from trunkline.model import cursors
from trunkline_mcp import event_streams

TYPE = "payment.failed"
STREAM, POLL = "events/stream", "events/poll"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def example_of(api):
    return api.hub.catalog.get(TYPE).example


class Listener:
    """A stream that is read directly over ASGI, frame by frame."""

    def __init__(self, api, message, head):
        self.id = message["id"]
        self._app, self._client = api.app, api.client
        self._message, self._head = message, head
        self.frames: asyncio.Queue = asyncio.Queue()
        self.start: asyncio.Future = asyncio.get_running_loop().create_future()
        self.left = asyncio.Event()

    async def run(self) -> None:
        headers = {**self._client.headers, **self._head, "host": "testserver"}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/mcp", "raw_path": b"/mcp", "root_path": "", "query_string": b"", "client": ("127.0.0.1", 1),
            "server": ("testserver", 80), "state": {},
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        sent = [{"type": "http.request", "body": json.dumps(self._message).encode(), "more_body": False}]

        async def receive():
            if sent:
                return sent.pop()
            await self.left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                self.start.set_result((message["status"], dict(message["headers"])))
            elif data := message.get("body"):
                self.frames.put_nowait(data)

        await self._app(scope, receive, send)

    async def frame(self, *, seconds: float = 60):
        """Give the next frame: the last word of its method, and its parameters."""
        async with asyncio.timeout(seconds):
            while True:
                data = (await self.frames.get()).decode()
                lines = [line.removeprefix("data: ") for line in data.splitlines() if line.startswith("data")]
                if lines:
                    message = json.loads("".join(lines))
                    if "method" not in message:
                        return "result", message
                    assert message["params"].pop("_meta") == {SUBSCRIPTION: self.id}
                    return message["method"].rpartition("/")[2], message["params"]

    async def after(self, *kinds: str):
        """Give the next frame of another kind than *kinds*."""
        async with asyncio.timeout(60):
            while (frame := await self.frame())[0] in kinds:
                pass
        return frame


@dataclass
class Theirs:
    """A hub as another caller uses it."""

    app: object
    client: httpx2.AsyncClient


def bearer(api, token) -> tuple[Theirs, Conversation]:
    headers = {"authorization": f"Bearer {token}"}
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=api.app), base_url="http://hub.test", headers=headers
    )
    return Theirs(api.app, client), Conversation(client)


async def end_of(listener) -> dict:
    kind, told = await listener.after("active", "heartbeat")
    assert kind == "terminated", told
    return told["error"]


@contextlib.asynccontextmanager
async def listening(api, agent, **params):
    params = {"name": TYPE} | params
    listener = Listener(api, agent.message(STREAM, params), agent.head(STREAM, params))
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        listener.left.set()
        async with asyncio.timeout(60):
            await task


async def test_it_says_that_it_is_open_and_gives_what_a_poll_gives(api, agent):
    begun = (await agent.ask(POLL, {"name": TYPE}))["cursor"]
    before = (await api.emit(TYPE)).event_id
    async with listening(api, agent, cursor=begun) as listener:
        assert await listener.frame() == ("active", {"cursor": begun, "truncated": False})
        status, headers = await listener.start
        assert (status, headers[b"content-type"][:17]) == (200, b"text/event-stream")
        assert headers[b"x-accel-buffering"] == b"no"
        after = (await api.emit(TYPE)).event_id
        await api.emit("lead.created")
        got = [await listener.frame() for _ in range(2)]
    polled = (await agent.ask(POLL, {"name": TYPE, "cursor": begun}))["events"]
    assert [kind for kind, _ in got] == ["event", "event"]
    assert [event.pop("cursor") for _, event in got] == [cursors.encode(before), cursors.encode(after)]
    assert [event for _, event in got] == polled


async def test_numbers_keep_their_digits(api, agent):
    async with listening(api, agent) as listener:
        await listener.frame()
        text = json.dumps(example_of(api) | {"amount_attempted": 99.5}).replace("99.5", "99.500")
        body, headers = f'{{"type": "{TYPE}", "payload": {text}}}', {"content-type": "application/json"}
        assert (await api.client.post("/api/v1/events", content=body, headers=headers)).status_code == 201
        async with asyncio.timeout(60):
            assert b'"amount_attempted":99.500' in await listener.frames.get()


async def test_it_beats_and_ends_when_the_key_is_revoked(api, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.event_streams.HEARTBEAT_SECONDS", 0.4)
    asked = {"company_id": api.company_id, "name": "a", "scopes": ["events:read"]}
    key = (await api.operator.post("/api/v1/keys", json=asked)).json()
    async with listening(*bearer(api, key["key"])) as listener:
        kind, opened = await listener.frame()
        assert await listener.frame() == ("heartbeat", {"cursor": opened["cursor"]})
        await api.operator.delete(f"/api/v1/keys/{key['id']}")
        error = await end_of(listener)
        assert (error["code"], "was revoked" in error["message"]) == (-32012, True)
        kind, result = await listener.frame()
        assert (kind, result["result"]["_meta"][SUBSCRIPTION]) == ("result", listener.id)


async def test_no_event_is_sent_more_than_a_second_after_the_key_was_revoked(api):
    asked = {"company_id": api.company_id, "name": "a", "scopes": ["events:read"]}
    key = (await api.operator.post("/api/v1/keys", json=asked)).json()
    async with listening(*bearer(api, key["key"])) as listener:
        assert (await listener.frame())[0] == "active"
        await api.operator.delete(f"/api/v1/keys/{key['id']}")
        await asyncio.sleep(event_streams.CHECK_SECONDS)
        await api.emit(TYPE)
        assert (await listener.frame())[0] == "terminated"


async def test_it_ends_with_the_access_token_although_the_connection_goes_on(api, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.event_streams.HEARTBEAT_SECONDS", 0.4)
    registered = {"name": "Agent", "redirect_uris": [CALLBACK]}
    made = (await api.operator.post("/api/v1/oauth/apps", json=registered)).json()
    app = App(api.anonymous, made["client_id"], made["client_secret"])
    transport = httpx2.ASGITransport(app=api.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as http:
        person = Person(http)
        await person.sign_in(api.client.headers["x-api-key"])
        tokens = await connect(app, person)
    async with listening(*bearer(api, tokens["access_token"])) as listener:
        assert (await listener.frame())[0] == "active"
        await app.revoke(tokens["access_token"])
        assert (await end_of(listener))["code"] == -32012
    assert (await app.refresh(tokens["refresh_token"]))["access_token"]


async def test_it_ends_when_the_issuers_token_has_expired(sqlite_database_url, make_hub, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.event_streams.HEARTBEAT_SECONDS", 0.4)
    async with issuing() as issuer:
        oauth = {"issuer": issuer.url, "audience": AUDIENCE, "company_claim_is": "id"}
        settings = {"mcp.oauth": json.dumps(oauth), "plugins.enabled": "mcp, polling"}
        hub = await make_hub(sqlite_database_url, settings, dispatch=False)
        token = issuer.token(exp=int(time.time()) - 28)  # 30 s are allowed for differing clocks
        async with listening(*bearer(hub, token)) as listener:
            assert (await listener.frame())[0] == "active"
            assert (await end_of(listener))["code"] == -32012


async def test_arguments_and_age_leave_out_what_is_not_asked_for(api, agent):
    begun = (await agent.ask(POLL, {"name": TYPE}))["cursor"]
    example = example_of(api)
    await api.emit(TYPE, example | {"client_id": 7})
    await asyncio.sleep(0.01)
    async with listening(api, agent, cursor=begun, maxAgeMs=0, arguments={"client_id": [7, 8]}) as listener:
        assert (await listener.frame())[1]["truncated"] is True
        await api.emit(TYPE, example | {"client_id": 9})
        wanted = (await api.emit(TYPE, example | {"client_id": 8})).event_id
        kind, event = await listener.frame()
        assert (kind, event["eventId"]) == ("event", str(wanted))


async def test_what_is_wrong_is_told_before_it_opens(api, agent):
    for params, code in (
        ({"name": "no.such"}, -32011),
        ({"name": TYPE, "arguments": {"shoe": 1}}, -32602),
        ({"name": TYPE, "cursor": "nonsense"}, -32602),
    ):
        assert (await agent.error(STREAM, params))["code"] == code


@pytest.mark.parametrize("version", HANDSHAKE)
async def test_sessions_of_before_have_no_streams(api, version):
    agent = Conversation(api.client, version)
    assert (await agent.error(STREAM, {"name": TYPE}))["code"] == -32601
    answer = await agent.send(STREAM, {"name": TYPE}, **{"mcp-method": STREAM})
    assert '"code":-32601' in answer.text.replace(" ", "")
    assert "push" not in (await agent.ask("events/list"))["events"][0]["delivery"]


async def test_a_caller_has_so_many_open_and_closing_one_makes_room(api, agent):
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(5):
            listener = await stack.enter_async_context(listening(api, agent))
            await listener.frame()
        error = await agent.error(STREAM, {"name": TYPE})
        assert (error["code"], error["data"]) == (-32013, {"limit": "streams", "max": 5})
    async with listening(api, agent) as listener:
        assert (await listener.frame())[0] == "active"


@pytest.mark.own_hub
async def test_what_is_gone_while_it_is_open_is_told_as_a_gap_and_it_goes_on(api, agent, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.event_streams.HEARTBEAT_SECONDS", 0.4)
    async with listening(api, agent) as listener:
        _, opened = await listener.frame()
        gone = cursors.decode(opened["cursor"]) + 1
        async with api.hub.engines.write() as connection:
            await connection.exec_driver_sql(f"UPDATE stream_head SET position = {gone}")
            await connection.exec_driver_sql(f"UPDATE retention SET edge = {gone}")
        gap = await listener.after("heartbeat")
        await api.emit("lead.created")
        made = (await api.emit(TYPE)).event_id
        frame = await listener.after("heartbeat")
    assert gap == ("active", {"cursor": cursors.encode(gone), "truncated": True})
    assert (frame[0], frame[1]["eventId"]) == ("event", str(made))


@pytest.mark.own_hub
async def test_a_database_that_is_away_is_told_and_the_stream_goes_on(api, agent, monkeypatch):
    monkeypatch.setattr("trunkline_mcp.event_streams.RETRY_SECONDS", 0.05)
    async with listening(api, agent) as listener:
        assert (await listener.frame())[0] == "active"
        await execute(api.hub.engines, "ALTER TABLE retention RENAME TO retention_away")
        made = (await api.emit(TYPE)).event_id
        kind, told = await listener.frame()
        await execute(api.hub.engines, "ALTER TABLE retention_away RENAME TO retention")
        frame = await listener.after("error")
    assert (kind, told["error"]["code"]) == ("error", -32603)
    assert (frame[0], frame[1]["eventId"]) == ("event", str(made))
