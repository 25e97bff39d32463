"""The only outgoing client, over real sockets: the addresses that it refuses, the ends of calls, and the bytes that it sends."""

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from tests.certificates import issue
from tests.few_files import at_most

from trunkline import __version__
from trunkline.contract import HttpClient, HttpResponse
from trunkline.errors import AddressRefused, MachineExhausted
from trunkline.outbound import MAX_BODY_BYTES, NoAnswer, Outbound, error_of, was_sent_twice
from trunkline.outbound.client import NO_TENANT
from trunkline.targets.addresses import AddressPolicy
from trunkline_kit.receiver import (
    Answer,
    CloseWithoutAnswer,
    Connection,
    EndlessHeaders,
    Garbage,
    Hang,
    HugeBody,
    Receiver,
    Redirect,
    Reset,
)

STRICT = AddressPolicy(allow_http=True)
DEVELOPMENT = AddressPolicy(allow_http=True, allow_private_networks=True)
LIMIT_SECONDS = 0.4
PATIENT_SECONDS = 20.0
"""Time limit of calls that succeed, long because other workers may use the cores."""
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
UNROUTED = "2001:20::1"
"""Globally reachable by the registry, but routed nowhere (ORCHIDv2, RFC 7343), so no test reaches a foreign host."""


class ScriptedResolver:
    """Gives its answers one by one; the last answer is repeated."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def know_nothing(_host: str, _port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


@pytest.fixture
async def http() -> AsyncIterator[Outbound]:
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS) as http:
        yield http


async def post(http: HttpClient, url: str, **headers: str) -> HttpResponse:
    return await http.post(url, body=b"{}", headers={"content-type": "application/json", **headers})


async def failure(http: HttpClient, url: str) -> str:
    """Return the word of the exception that ``post`` raised."""
    with pytest.raises((OSError, AddressRefused)) as caught:
        await post(http, url)
    assert "hunter2" not in str(caught.value)
    return error_of(caught.value)


# Features that this machine lacks


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "::1"]])
async def test_a_connection_for_which_no_file_is_left_is_no_failure_of_the_target(receiver, addresses):
    resolver = ScriptedResolver(addresses)
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS, resolve=resolver) as http:
        url = f"http://hooks.example.com:{receiver.port}/"
        with at_most(3), pytest.raises(MachineExhausted, match=r"Too many open files|can open no more files"):
            await post(http, url)
        assert (await post(http, url)).status == 200


async def test_a_name_that_cannot_be_looked_up_for_want_of_files_is_no_failure_of_the_target():
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS, name_servers=["127.0.0.1:9"]) as http:
        with at_most(3), pytest.raises(MachineExhausted):
            await post(http, "http://hooks.example.com/")


# Addresses that are never dialled


async def test_a_private_literal_is_refused(receiver):
    async with Outbound(STRICT, timeout_seconds=PATIENT_SECONDS) as http:
        for host in ("127.0.0.1", "0x7f.1", "[::ffff:7f00:1]"):
            assert await failure(http, f"http://{host}:{receiver.port}/") == "address_refused"
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "addresses",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%1", f"{UNROUTED} 127.0.0.1", f"127.0.0.1 {UNROUTED}", "none"],
)  # fmt: skip
async def test_a_name_that_resolves_to_a_refused_address_is_not_dialled(receiver, addresses):
    resolver = ScriptedResolver(addresses.split())
    async with Outbound(STRICT, timeout_seconds=PATIENT_SECONDS, resolve=resolver) as http:
        assert await failure(http, f"http://hooks.example.com:{receiver.port}/") == "address_refused"
    assert receiver.connections == 0


async def test_many_calls_that_wait_for_one_answer_are_all_refused(receiver):
    async with Outbound(STRICT, timeout_seconds=2, resolve=ScriptedResolver(["127.0.0.1"])) as http:
        url = f"http://hooks.example.com:{receiver.port}/"
        assert {*await asyncio.gather(*(failure(http, url) for _ in range(20)))} == {"address_refused"}


async def test_a_name_that_changes_its_answer_to_a_private_address_is_refused_then(receiver):
    resolver = ScriptedResolver([UNROUTED], ["127.0.0.1"])
    async with Outbound(STRICT, timeout_seconds=LIMIT_SECONDS, resolve=resolver, dns_cache_seconds=0) as http:
        url = f"http://hooks.example.com:{receiver.port}/"
        assert await failure(http, url) in {"connection_failed", "timeout"}
        assert await failure(http, url) == "address_refused"
    assert receiver.connections == 0


async def test_the_address_that_was_judged_is_the_one_that_is_dialled(receiver):
    resolver = ScriptedResolver(["127.0.0.1"], ["10.0.0.1"])
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS, resolve=resolver) as http:
        for _ in range(3):
            receiver.script([Answer(headers={"connection": "close"})])
            assert (await post(http, f"http://hooks.example.com:{receiver.port}/")).status == 200
    assert resolver.asked == ["hooks.example.com"]  # cached for a while
    assert receiver.connections == 3


async def test_metadata_is_not_dialled_even_where_private_networks_are_allowed():
    resolver = ScriptedResolver(["169.254.169.254"])
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS, resolve=resolver) as http:
        assert await failure(http, "http://hooks.example.com/") == "address_refused"
        assert await failure(http, "http://metadata.google.internal/") == "address_refused"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver, http, status):
    receiver.always(Redirect(f"{receiver.url}/private", status))
    response = await post(http, f"{receiver.url}/hook")
    assert response.status == status
    assert response.headers["location"] == f"{receiver.url}/private"
    assert [request.path for request in receiver.requests] == ["/hook"]


async def test_a_proxy_in_the_environment_is_not_used(receiver, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS) as http:
        assert (await post(http, receiver.url)).status == 200


# The ends of a call


async def _endless_interim_answers(connection: Connection) -> None:
    while True:
        connection.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await connection.drain()
        await asyncio.sleep(0)


async def _endless_line(connection: Connection) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        connection.write(b"y" * 10_000)
        await connection.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Hang(), {"timeout"}),
        (Answer(delay_seconds=5), {"timeout"}),
        (EndlessHeaders(), {"invalid_answer"}),
        (EndlessHeaders(0.02), {"timeout"}),
        (_endless_line, {"invalid_answer"}),
        (_endless_interim_answers, {"invalid_answer"}),
        (Reset(), {"connection_failed"}),
        (CloseWithoutAnswer(), {"connection_failed"}),
        (Garbage(), {"invalid_answer"}),
        (Garbage(b"SSH-2.0-OpenSSH_9.6\r\n"), {"invalid_answer"}),
        (Garbage(b"HTTP/1.1 200 OK\r\nContent-Le"), {"connection_failed", "invalid_answer"}),
        (Garbage(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), {"invalid_answer"}),
    ],
)
async def test_a_hostile_answer_ends_in_time(receiver, http, reply, words):
    receiver.script([reply])
    hasty = http.for_tenant(NO_TENANT, LIMIT_SECONDS if words == {"timeout"} else PATIENT_SECONDS)
    async with asyncio.timeout(LIMIT_SECONDS + 10):
        assert await failure(hasty, f"{receiver.url}/hook?token=hunter2") in words
    assert (await post(http, receiver.url)).status == 200  # and the next call works as usual


async def _stalls(connection: Connection) -> None:
    connection.write(CHUNKED + b"5\r\nfive!")
    await asyncio.sleep(60)


async def _answers_then_resets(connection: Connection) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!")
    await connection.drain()
    await asyncio.sleep(0.01)
    await Reset()(connection)


@pytest.mark.parametrize(
    "reply",
    [
        Garbage(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfive!"),
        _answers_then_resets,
        _stalls,
        Garbage(CHUNKED + b"5\r\nfive!\r\nzz\r\nhello"),
        Garbage(CHUNKED + b"5\r\nfive!"),
    ],
)
async def test_the_status_of_an_answer_counts_though_its_body_breaks_off(receiver, http, reply):
    receiver.script([reply])
    hasty = http.for_tenant(NO_TENANT, LIMIT_SECONDS)
    answer = await post(hasty, receiver.url)
    assert (answer.status, answer.body, answer.is_whole) == (200, b"five!", False)
    assert (await post(hasty, receiver.url)).status == 200
    assert [request.connection for request in receiver.requests] == [1, 2]


async def test_a_connection_over_which_an_answer_was_nearly_http_is_not_used_again(receiver, http):
    async def answers_and_stays(connection: Connection) -> None:
        connection.write(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
        await connection.drain()

    receiver.script([answers_and_stays])
    answer = await post(http, receiver.url)
    assert (answer.status, answer.body) == (200, b"ok")
    assert (await post(http, receiver.url)).status == 200
    assert [request.connection for request in receiver.requests] == [1, 2]


async def test_100_megabytes_are_cut_at_64_kib_and_the_connection_is_closed(receiver, http):
    receiver.script([HugeBody(100 * 1024 * 1024)])
    start = time.monotonic()
    response = await post(http, receiver.url)
    assert (response.status, len(response.body), response.is_whole) == (200, MAX_BODY_BYTES, False)
    assert time.monotonic() - start < LIMIT_SECONDS
    await post(http, receiver.url)
    assert [request.connection for request in receiver.requests] == [1, 2]


@pytest.mark.parametrize("size", [0, 1, MAX_BODY_BYTES - 1, MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
async def test_a_body_is_read_up_to_64_kib(receiver, http, size):
    body = bytes(range(256)) * 257
    receiver.answer(body=body[:size])
    assert (await post(http, receiver.url)).body == body[: min(size, MAX_BODY_BYTES)]


@pytest.mark.slow
async def test_a_limit_of_many_seconds_is_kept_to_the_tenth(receiver):
    receiver.always(Hang())
    async with Outbound(DEVELOPMENT, timeout_seconds=5.05) as http:
        for _ in range(3):  # a busy machine may come late to it once
            start = time.monotonic()
            assert await failure(http, receiver.url) == "timeout"
            seconds = time.monotonic() - start
            if seconds < 5.3:
                break
    assert 5 < seconds < 5.3


async def test_a_kept_connection_obeys_a_shorter_limit_than_that_of_its_last_call(receiver, http):
    await post(http, receiver.url)
    receiver.always(Hang())
    async with asyncio.timeout(PATIENT_SECONDS / 2):
        assert await failure(http.for_tenant(NO_TENANT, LIMIT_SECONDS), receiver.url) == "timeout"
    assert receiver.connections == 1


async def test_one_that_hangs_holds_nobody_else(receiver, http):
    receiver.always(Hang(), path="/slow")
    hasty = http.for_tenant(NO_TENANT, 2)
    slow = [asyncio.create_task(failure(hasty, f"{receiver.url}/slow")) for _ in range(60)]
    await receiver.wait_for(20)
    assert (await post(http, f"{receiver.url}/fast")).status == 200
    assert {*await asyncio.gather(*slow)} == {"timeout"}


async def test_a_connection_refused_at_each_address_of_a_name_is_a_refused_connection():
    resolver = ScriptedResolver(["127.0.0.1", "127.0.0.2"])
    async with Outbound(DEVELOPMENT, timeout_seconds=2, resolve=resolver) as http:
        with socket.socket() as unused:
            unused.bind(("0.0.0.0", 0))
            word = await failure(http, f"http://hooks.example.com:{unused.getsockname()[1]}/")
    assert word == "connection_refused"


@pytest.mark.parametrize("resolver", [know_nothing, ScriptedResolver([])])
async def test_a_name_that_does_not_resolve_is_a_dns_failure(resolver):
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS, resolve=resolver) as http:
        assert await failure(http, "http://hooks.example.com/") == "dns_failed"


async def test_a_cancelled_call_is_cancelled(receiver, http):
    receiver.script([Hang()])
    call = asyncio.create_task(post(http, receiver.url))
    await receiver.wait_for(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await post(http, receiver.url)).status == 200


async def test_outside_its_context_it_refuses_to_work():
    with pytest.raises(RuntimeError, match="outside its context"):
        await post(Outbound(DEVELOPMENT, timeout_seconds=1), "http://127.0.0.1/")


# The bytes that are sent


async def test_headers_and_body_arrive_as_given(receiver, http):
    await http.post(
        f"{receiver.url}/a%7Eb/?x=%20[1]|{{}}&y=+",
        body=b'{"a": 1}',
        headers={"content-type": "application/json", "webhook-id": "17", "X-Own": "Ünicode"},
    )
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/a%7Eb/?x=%20[1]%7C{}&y=+", b'{"a": 1}')
    assert request.headers["x-own"].encode("latin-1").decode() == "Ünicode"
    expected = {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "content-length": "8",
        "webhook-id": "17",
        "accept-encoding": "identity",
        "user-agent": f"trunkline/{__version__}",
    }
    assert expected.items() <= request.headers.items()
    assert "cookie" not in request.headers


async def test_a_header_cannot_smuggle_another(receiver, http):
    with pytest.raises(ValueError, match="header"):
        await post(http, receiver.url, **{"x-own": "a\r\nx-evil: b"})
    assert receiver.requests == []


async def test_an_empty_body_is_sent_as_one(receiver, http):
    await http.post(receiver.url, body=b"", headers={})
    assert receiver.requests[0].headers["content-length"] == "0"


async def test_connections_are_kept_alive_but_cookies_are_not(receiver, http):
    for status in (200, 204, 404, 500):
        receiver.script([Answer(status, {"set-cookie": "a=b"}, b"" if status == 204 else b"text")])
        assert (await post(http, receiver.url)).status == status
    assert receiver.connections == 1
    assert not [request for request in receiver.requests if "cookie" in request.headers]


async def test_an_answer_of_101_ends_the_connection(receiver, http):
    receiver.script([Garbage(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")])
    assert (await post(http, receiver.url)).status == 101
    assert (await post(http, receiver.url)).status == 200
    assert receiver.connections == 2


async def test_nothing_is_decompressed(receiver, http):
    receiver.answer(headers={"content-encoding": "gzip"}, body=b"not gzip")
    assert (await post(http, receiver.url)).body == b"not gzip"


async def test_small_writes_are_not_held_back(receiver, http):
    start = time.monotonic()
    for _ in range(50):
        await post(http, receiver.url)
    assert time.monotonic() - start < 1  # a delayed acknowledgement costs 40 ms a call


# TLS


@pytest.mark.parametrize("is_alternative", [True, False])
async def test_a_common_name_does_not_name_the_host(certificate, tmp_path, monkeypatch, is_alternative):
    """Both certificates are trusted like the machine's authorities, by a client with default settings."""
    own = issue("hooks.example.com", is_authority=True)
    (tmp_path / "own.pem").write_bytes(own.pem + own.key_pem)  # it has a common name only
    file = certificate if is_alternative else tmp_path / "own.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    resolver = ScriptedResolver(["127.0.0.1"])
    async with (
        Receiver(ssl_context=context) as target,
        Outbound(DEVELOPMENT, timeout_seconds=2, resolve=resolver) as http,
    ):
        if is_alternative:
            for host in ("hooks.example.com", "127.0.0.1"):
                assert (await post(http, f"https://{host}:{target.port}/")).status == 200
        else:
            url = f"https://hooks.example.com:{target.port}/"
            assert (await failure(http, url)).startswith("tls_failed: wrong_name: ")
            assert target.count == 0


def test_a_context_that_does_not_verify_is_refused():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="must verify"):
        Outbound(STRICT, timeout_seconds=1, ssl_context=context)


# Kept connections


async def test_a_request_that_meets_a_closing_connection_goes_out_again_on_a_fresh_one(receiver, http):
    receiver.script([Answer(), CloseWithoutAnswer(), Answer(202)])
    assert (await post(http, receiver.url)).status == 200
    again = await post(http, receiver.url)
    assert (again.status, again.sent_twice) == (202, True)
    assert [request.connection for request in receiver.requests] == [1, 1, 2]
    assert not (await post(http, receiver.url)).sent_twice


async def test_a_kept_connection_that_closes_later_ends_the_call(receiver, http):
    async def closes_later(connection: Connection) -> None:
        await asyncio.sleep(0.3)
        connection.close()

    receiver.script([Answer(), closes_later, Answer()])
    assert (await post(http, receiver.url)).status == 200
    with pytest.raises(NoAnswer) as caught:
        await post(http, receiver.url)
    assert (error_of(caught.value), was_sent_twice(caught.value)) == ("connection_failed", False)
    assert [request.connection for request in receiver.requests] == [1, 1]


async def test_it_goes_out_again_once_and_no_more(receiver, http):
    receiver.script([Answer(), CloseWithoutAnswer(), Reset(), Answer()])
    assert (await post(http, receiver.url)).status == 200
    with pytest.raises(NoAnswer) as caught:
        await post(http, receiver.url)
    assert (error_of(caught.value), was_sent_twice(caught.value)) == ("connection_failed", True)
    assert [request.connection for request in receiver.requests] == [1, 1, 2]


async def test_a_request_whose_answer_had_begun_is_not_sent_again(receiver, http):
    receiver.script([Answer(), Garbage(b"HTTP/1.1 200 OK\r\nContent-Le")])
    assert (await post(http, receiver.url)).status == 200
    assert await failure(http, receiver.url) in {"connection_failed", "invalid_answer"}
    assert len(receiver.requests) == 2


async def test_a_fresh_connection_that_is_closed_without_an_answer_is_not_tried_twice(receiver, http):
    receiver.script([CloseWithoutAnswer(), Answer()])
    assert await failure(http, receiver.url) == "connection_failed"
    assert len(receiver.requests) == 1


async def test_a_burst_to_a_target_that_closes_what_it_kept_loses_no_request(receiver, http):
    async def answers_and_closes(connection: Connection) -> None:
        await Answer()(connection)
        await asyncio.sleep(0.002)
        connection.close()

    receiver.always(answers_and_closes)
    for _ in range(10):
        answers = await asyncio.gather(*(post(http, receiver.url) for _ in range(20)))
        assert [answer.status for answer in answers] == [200] * 20
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("says", "connections"),
    [("timeout=1", [1, 2]), ("timeout=5, max=100", [1, 1]), ("max=100, timeout=0", [1, 2]), ("x", [1, 1])],
)
async def test_a_connection_is_kept_for_less_time_than_the_target_keeps_it(receiver, http, says, connections):
    receiver.always(Answer(headers={"keep-alive": says}))
    for _ in range(2):
        assert (await post(http, receiver.url)).status == 200
    assert [request.connection for request in receiver.requests] == connections


async def _answers_late_again(connection: Connection) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst")
    await connection.drain()
    await asyncio.sleep(0.003)
    connection.write(b"HTTP/1.1 410 Gone\r\ncontent-length: 5\r\n\r\nother")
    await connection.drain()


async def test_tenants_share_no_connection_so_a_late_answer_is_never_anothers(receiver, http):
    for tenant in range(20):
        receiver.script([_answers_late_again, Answer(body=b"second")])
        assert (await post(http.for_tenant(tenant), receiver.url)).body == b"first"
        answer = await post(http.for_tenant(100 + tenant), receiver.url)
        assert (answer.status, answer.body) == (200, b"second")


async def _a_byte_at_a_time(connection: Connection) -> None:
    connection.write(CHUNKED)
    while True:
        connection.write((b"1;" + b"x" * 1000 + b"\r\ny\r\n") * 20)
        await connection.drain()
        await asyncio.sleep(0)


async def test_an_answer_whose_framing_never_ends_is_broken_off(receiver, http):
    receiver.script([_a_byte_at_a_time])
    began = time.monotonic()
    answer = await post(http, receiver.url)
    assert (answer.status, answer.is_whole) == (200, False)
    assert time.monotonic() - began < PATIENT_SECONDS / 2


async def test_a_refused_connection_leaves_nothing_to_the_collector(http):
    """A target that is down is tried thousands of times a minute; an error with its frames would be 20 objects each time."""

    async def refused(url: str) -> None:
        with contextlib.suppress(NoAnswer):  # pytest.raises keeps the exception
            await post(http, url)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        await refused(url)
        gc.freeze()  # only what follows is collected: a collection of all tests' objects takes a second
        gc.disable()
        try:
            for _ in range(50):
                await refused(url)
            assert gc.collect() < 50
        finally:
            gc.enable()


@pytest.mark.slow
async def test_what_a_target_sent_is_let_go_of_with_its_connection():
    """Parsers and their readers refer to each other: without the collector, an object that is released too late stays."""
    async with Receiver() as receiver, Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS) as http:
        receiver.always(HugeBody(1_000_000), path="/huge")
        receiver.always(Answer(500, {"x": "y" * 200_000}), path="/head")
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(20):
                await post(http, f"{receiver.url}/huge")
                with pytest.raises(NoAnswer):
                    await post(http, f"{receiver.url}/head")
            await asyncio.sleep(0.05)
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
        assert kept < 20 * 64 * 1024, "each of the 40 connections was sent more than this"
