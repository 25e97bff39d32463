"""Limits of the data that a client sends before an answer, and of its time, over real sockets."""

import asyncio
import contextlib
import functools
import json
import logging
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from tests.raw_http import SOON, Answer, Client, Site, connect, head, serving
from tests.some import some

from trunkline.api import server
from trunkline.api.connections import MAX_PIPELINED
from trunkline.cli.loop import run

GET = b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n"


Serve = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def serve(sqlite_database_url: str) -> Serve:
    """``async with serve({"server.head_timeout_seconds": "0.2"}) as site``"""
    return functools.partial(serving, sqlite_database_url)


def padded(size: int) -> bytes:
    """Make a request whose head has exactly *size* bytes."""
    empty = head("GET", "/healthz", "x-pad: ")
    return head("GET", "/healthz", "x-pad: " + "a" * (size - len(empty)))


async def event_head(site: Site, *lines: str) -> bytes:
    """Make the head of a request that emits an event."""
    return head("POST", "/api/v1/events", f"x-api-key: {await site.key()}", *lines)


async def ask(client: Client, sent: bytes) -> Answer:
    await client.send(sent)
    return await client.answer()


async def drip(client: Client, data: bytes) -> None:
    while True:
        await asyncio.sleep(0.05)
        await client.send(data)


@pytest.mark.parametrize("piece", [1 << 20, 1000])
async def test_a_head_has_as_many_bytes_as_the_setting_says(serve, piece):
    async with serve({"server.max_head_bytes": "4096"}) as site:
        fits, too_long = await site.connect(), await site.connect()
        for client, request in ((fits, padded(4096)), (too_long, padded(4098))):
            for start in range(0, len(request), piece):
                await client.send(request[start : start + piece])
                await asyncio.sleep(0)
        assert (await fits.answer()).status == 200
        answer = await too_long.answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")
        assert answer.problem["type"] == "urn:trunkline:problem:head-too-large"
        assert "4096 bytes" in answer.problem["detail"]
        assert await too_long.is_closed()


async def test_a_head_without_an_end_is_refused_while_it_comes(serve):
    async with serve() as site:
        client = await site.connect()
        assert (await ask(client, b"GET /healthz HTTP/1.1\r\nx-long: " + b"a" * 20_000)).status == 431
        for _ in range(64):  # further data of the client neither destroys the answer nor is kept
            await client.send(b"a" * 65_536)


async def test_many_short_headers_are_a_long_head(serve):
    async with serve() as site:
        client = await site.connect()
        assert (await ask(client, head("GET", "/healthz", *(["a:"] * 5_000)))).status == 431


async def test_each_request_of_a_connection_has_a_head_of_its_own(serve):
    async with serve({"server.max_head_bytes": "4096"}) as site:
        client = await site.connect()
        for _ in range(3):
            assert (await ask(client, padded(3_000))).status == 200
        await client.send(padded(3_000) * 3)
        assert [(await client.answer()).status for _ in range(3)] == [200, 200, 200]
        assert (await ask(client, padded(5_000))).status == 431


async def test_what_was_asked_before_a_long_head_is_answered(serve):
    async with serve() as site:
        client = await site.connect()
        await client.send(GET + GET + padded(20_000))
        statuses = [(await client.answer()).status for _ in range(2)]
        assert statuses == [200, 200]


async def test_a_head_that_does_not_end_in_time_is_408(serve):
    async with serve({"server.head_timeout_seconds": "0.3"}) as site:
        clients = []
        for sent in (b"", b"GET /healthz HT", b"\r\n", b"GET /healthz HTTP/1.1\r\nx-a: b\r\n"):
            clients.append(await site.connect())
            await clients[-1].send(sent)
        for client in some(clients):
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"]) == (408, "close")
            assert answer.problem["type"] == "urn:trunkline:problem:request-timeout"
            assert await client.is_closed()


async def test_bytes_that_drip_do_not_prolong_the_time_of_a_head(serve):
    async with serve({"server.head_timeout_seconds": "0.5"}) as site:
        client = await site.connect()
        assert (await ask(client, GET)).status == 200
        await client.send(b"GET /healthz HTTP/1.1\r\nx-slow: ")
        dripping = asyncio.create_task(drip(client, b"a"))
        assert (await client.answer()).status == 408
        dripping.cancel()


async def test_an_idle_connection_outlives_the_time_of_a_head(serve):
    async with serve({"server.head_timeout_seconds": "0.2"}) as site:
        client = await site.connect()
        for _ in range(2):
            assert (await ask(client, GET)).status == 200
            await asyncio.sleep(0.6)


@pytest.mark.slow
async def test_an_idle_connection_is_closed_without_a_word(serve):
    async with serve() as site:
        client = await site.connect()
        assert (await ask(client, GET)).status == 200
        await asyncio.sleep(3)
        assert (await ask(client, GET)).status == 200
        assert await client.is_closed()


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
async def test_an_upgrade_is_ignored_and_its_body_is_no_request(serve, protocol):
    async with serve() as site:
        key = f"x-api-key: {await site.key()}"
        body = GET + b'{"type": "lead.created"}'
        upgrade = ("connection: Upgrade, HTTP2-Settings", f"upgrade: {protocol}", "http2-settings: AAMAAABk")
        lengthy = (f"content-length: {len(body)}", body)
        chunked = ("transfer-encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        client = await site.connect()
        for framing, sent in (lengthy, chunked):
            request = head("POST", "/api/v1/events", key, framing, *upgrade)
            for with_head in (len(sent), 0, 40):
                await client.send(request + sent[:with_head])
                await asyncio.sleep(0.02)
                assert (await ask(client, sent[with_head:])).problem[
                    "type"
                ] == "urn:trunkline:problem:body-invalid"
        asked = head("GET", "/healthz", *upgrade) + head("GET", "/api/v1/nowhere", key, *upgrade)
        await client.send(asked + GET)
        assert [(await client.answer()).status for _ in range(3)] == [200, 404, 200]


async def test_a_request_for_a_tunnel_is_400(serve):
    async with serve() as site:
        client = await site.connect()
        assert (await ask(client, head("CONNECT", "example.com:443"))).status == 400
        assert await client.is_closed()


async def test_a_body_that_stands_still_is_408(serve):
    async with serve({"server.body_timeout_seconds": "0.3"}) as site:
        client = await site.connect()
        await client.send(await event_head(site, "content-type: application/json", "content-length: 1000"))
        answer = await ask(client, b'{"type":')
        assert (answer.status, answer.problem["type"]) == (408, "urn:trunkline:problem:request-timeout")
        assert "body" in answer.problem["detail"]
        assert await client.is_closed()


async def test_a_body_that_goes_on_slowly_is_read_to_its_end(serve):
    async with serve({"server.body_timeout_seconds": "2"}) as site:
        client = await site.connect()
        content = b'{"type": "no.such", "payload": {}}'
        framing = f"content-length: {len(content)}"
        await client.send(await event_head(site, "content-type: application/json", framing))
        for start in range(0, len(content), 7):
            await asyncio.sleep(0.5)
            await client.send(content[start : start + 7])
        assert (await client.answer()).status == 422


async def test_a_body_that_drips_for_ever_is_408(serve):
    async with serve({"server.body_timeout_seconds": "0.2"}) as site:
        client = await site.connect()
        await client.send(await event_head(site, "content-length: 100000"))
        dripping = asyncio.create_task(drip(client, b" "))
        assert (await client.answer()).status == 408
        dripping.cancel()


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on(serve):
    async with serve() as site:
        client = await site.connect()
        await client.send(await event_head(site, "expect: 100-continue", "content-length: 2"))
        assert (await client.read_some(100)).startswith(b"HTTP/1.1 100 Continue")
        assert (await ask(client, b"{}")).status == 422


async def test_the_rest_of_a_body_that_is_not_wanted_has_its_time_too(serve):
    async with serve({"server.body_timeout_seconds": "0.4"}) as site:
        client = await site.connect()
        assert (await ask(client, head("POST", "/api/v1/events", "content-length: 1000000000"))).status == 401
        closed = asyncio.create_task(client.is_closed())
        async with asyncio.timeout(SOON):
            while not closed.done():
                await client.send(b" " * 100)
                await asyncio.sleep(0.05)
        assert await closed


async def test_a_connection_goes_on_after_a_body_that_was_not_wanted(serve):
    async with serve() as site:
        client = await site.connect()
        assert (await ask(client, head("POST", "/api/v1/events", "content-length: 10"))).status == 401
        assert (await ask(client, b" " * 10 + GET)).status == 200
        # A client without a 100 may leave its body out; its next request would then be read as the body.
        answer = await ask(
            client, head("POST", "/api/v1/events", "content-length: 10", "expect: 100-continue")
        )
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert await client.is_closed()


@pytest.mark.parametrize(
    "framing",
    [
        b"1;" + b"a" * 40_000,  # an extension of a chunk
        b"1\r\n{\r\n0\r\n" + b"x-trailer: a\r\n" * 3_000,
        b"1\r\n{\r\n0\r\nx-trailer: " + b"a" * 40_000,
    ],
)
async def test_framing_of_a_body_is_bounded_as_a_head_is(serve, framing):
    async with serve() as site:
        client = await site.connect()
        assert (
            await ask(client, await event_head(site, "transfer-encoding: chunked") + framing)
        ).status == 431
        assert await client.is_closed()


async def test_trailers_are_no_headers(serve):
    async with serve() as site:
        client = await site.connect()
        trailer = b"0\r\nx-request-id: of-a-trailer\r\n\r\n"
        answer = await ask(client, head("GET", "/healthz", "transfer-encoding: chunked") + trailer)
        assert (answer.status, answer.headers["x-request-id"] != "of-a-trailer") == (200, True)


async def test_many_small_chunks_are_a_body(serve):
    async with serve() as site:
        client = await site.connect()
        content = b'{"type": "no.such", "payload": {"a": "' + b"a" * 10_000 + b'"}}'
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in content)
        begin = await event_head(site, "content-type: application/json", "transfer-encoding: chunked")
        await client.send(begin + chunks + b"0\r\n\r\n" + GET)
        assert [(await client.answer()).status for _ in range(2)] == [422, 200]


async def test_requests_sent_ahead_are_bounded_and_what_was_taken_is_answered(serve):
    async with serve() as site:
        client = await site.connect()
        await client.send(GET * 200)
        answers = [await client.answer() for _ in range(MAX_PIPELINED + 1)]
        assert {answer.status for answer in answers} == {200}
        assert answers[-1].headers["connection"] == "close"
        assert await client.is_closed()


LARGE = head("GET", "/openapi.json")


async def test_who_takes_nothing_of_an_answer_is_cut_off(serve):
    async with serve({"server.write_timeout_seconds": "0.4"}) as site:
        probe = await site.connect()
        size = len((await ask(probe, LARGE)).body)
        client = await site.connect(receives_little=True)
        await client.send(LARGE * MAX_PIPELINED)
        await asyncio.sleep(3)
        taken = 0
        while data := await client.read_some(1 << 20):
            taken += len(data)
        assert 0 < taken < size * MAX_PIPELINED


def test_who_leaves_while_requests_wait_to_be_answered_is_no_fault_of_ours(serve, caplog):
    async def leave() -> None:
        async with serve() as site:
            client = await site.connect(receives_little=True)
            await client.send(LARGE * MAX_PIPELINED)
            await asyncio.sleep(0.5)
            client.abort()
            probe = await site.connect()
            for _ in range(5):
                assert (await ask(probe, GET)).status == 200

    run(leave())  # on the loop of `trunkline serve`, which refuses to write after a client has left
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_takes_an_answer_slowly_gets_all_of_it(serve):
    async with serve({"server.write_timeout_seconds": "1"}) as site:
        client = await site.connect(receives_little=True)
        await client.send(LARGE * 7 + head("GET", "/openapi.json", "connection: close"))
        taken = b""
        while data := await client.read_some(32_768):
            taken += data
            await asyncio.sleep(0.01)
        assert taken.count(b"HTTP/1.1 200 OK\r\n") == 8
        assert taken.endswith(b"}")


async def test_a_long_poll_is_hurt_by_no_time_limit(serve):
    times = ("head_timeout_seconds", "body_timeout_seconds", "write_timeout_seconds")
    async with serve({f"server.{name}": "0.2" for name in times}) as site:
        key = await site.key()
        client = await site.connect()
        answer = await ask(client, head("GET", "/api/v1/events?wait=1", f"x-api-key: {key}"))
        assert (answer.status, json.loads(answer.body)["events"]) == (200, [])


async def until_served(site: Site) -> None:
    """Wait until the server has noticed that there is room, and serves a new connection."""
    async with asyncio.timeout(SOON):
        while True:
            client = await site.connect()
            await client.send(GET)
            if (await client.answer()).status == 200:
                return
            await asyncio.sleep(0.1)


async def test_a_connection_too_many_is_503_while_the_others_are_busy(serve):
    async with serve({"server.max_connections": "3"}) as site:
        poll = head("GET", "/api/v1/events?wait=5", f"x-api-key: {await site.key()}")
        busy = [await site.connect() for _ in range(3)]
        for client in busy:
            await client.send(poll)
        await asyncio.sleep(0.5)
        late = await site.connect()
        answer = await late.answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.problem["type"] == "urn:trunkline:problem:overloaded"
        assert await late.is_closed()
        busy[0].close()
        await until_served(site)


async def test_the_silent_make_room_for_the_new(serve):
    times = {"server.head_timeout_seconds": "60", "server.write_timeout_seconds": "0.4"}  # to sweep often
    async with serve({"server.max_connections": "3", **times}) as site:
        silent = [await site.connect() for _ in range(3)]
        await silent[1].send(b"GET /hea")
        await asyncio.sleep(1.5)
        for _ in range(3):
            client = await site.connect()
            assert (await ask(client, GET)).status == 200
        for client in silent:
            assert await client.is_closed()


async def test_one_address_may_hold_so_many_connections(serve):
    async with serve({"server.max_connections_per_address": "2"}) as site:
        held = [await site.connect() for _ in range(2)]
        for client in held:
            assert (await ask(client, GET)).status == 200
        late = await site.connect()
        assert (await late.answer()).status == 503
        held[0].close()
        await until_served(site)


@pytest.mark.parametrize("turns", range(4))
def test_a_connection_that_is_accepted_as_the_server_stops_ends_with_its_first_answer(turns):
    answers: list[int] = []

    async def ask_on(begun: socket.socket) -> None:
        client = Client(*await asyncio.open_connection(sock=begun))
        with contextlib.closing(client), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await client.send(GET)
                answers.append((await client.answer()).status)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await PlainTextResponse("here")(scope, receive, send)

    async def stop() -> None:
        with server.bind("127.0.0.1", 0) as listener:
            address = listener.getsockname()
            async with server.observed(app, listener=listener):
                begun = socket.create_connection(address)
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking = asyncio.create_task(ask_on(begun))
            await asking

    run(stop())  # on the loop of `trunkline serve`
    assert answers in ([], [200])  # no call is cancelled with a 500 after the server's patience


async def test_a_request_that_outlasts_the_stop_is_answered_with_503(caplog):
    asked = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await asyncio.Event().wait()

    with server.bind("127.0.0.1", 0) as listener:
        async with server.observed(app, listener=listener):
            client = await connect(listener.getsockname()[1])
            await client.send(GET)
            await asked.wait()
        with contextlib.closing(client):
            answer = await client.answer()
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert answer.problem["type"] == "urn:trunkline:problem:stopping"
            assert "Idempotency-Key" in answer.problem["detail"]
            assert await client.is_closed()
    assert "Traceback" not in caplog.text
