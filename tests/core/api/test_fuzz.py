"""Garbage over a real socket: requests and bodies that are broken in every way are refused, and nothing else happens.

``FUZZ_REQUESTS=100000 FUZZ_SEED=7 make long`` sends more and different requests.
"""

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Sequence
from random import Random

import pytest
from tests.raw_http import Site, connect, head, serving

from trunkline.api.app import create_app

SEED = int(os.environ.get("FUZZ_SEED", "41"))
REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "4000"))
AT_ONCE = 50
LAST = head("GET", "/healthz", "x-request-id: last", "connection: close")
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
SETTINGS = {
    "plugins.enabled": "polling,webhooks,actions,searches,crm,zapier",
    "server.head_timeout_seconds": "0.4",
    "server.body_timeout_seconds": "0.4",
    **{f"limits.{bucket}": "99999/minute" for bucket in ("read", "write", "admin")},
}
SCALARS = (
    *b"null true 0 -0 1 1.5 01 - 1e999 -1e-999 NaN Infinity 9223372036854775808 18446744073709551616 'a' \0".split(
        b" "
    ),
    *rb'"" "a" "\u0000" "\ud800" "\udc00\ud800" " "lead.created" "lead.*" "*" "http://127.0.0.1:9/" "/payload/a"'.split(),
    *(b"9" * 400, b"0." + b"3" * 400, b'"' + b"a" * 9_000 + b'"', '"\u202e\U0010ffff\ufeff"'.encode()),
    *(b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\n"', b"", b"\xef\xbb\xbf{}", '"é"'.encode("utf-16")),
)
NAMES = (
    *b"type payload events id version companyId company environment occurred_at target_url event_types filter".split(),
    *b"any all not path op value equals in headers secret name scopes schema ordering rate retry from to".split(),
    *(b"", b"__proto__", rb"\ud800", rb"\u0000", b"\xff", b"a" * 3_000),
)
WHOLE = (
    b"%b",
    b'{"type":"lead.created","payload":%b}',
    b'{"events":[{"type":"lead.created","payload":{"client_id":%b}},%b]}',
    b'{"events":%b}',
    b'{"target_url":"http://127.0.0.1:9/","event_types":["*"],"filter":%b}',
    b'{"target_url":"http://127.0.0.1:9/","event_types":%b,"headers":%b}',
    b'{"name":"a","scopes":%b}',
)
TYPES = (
    *["application/json"] * 6,
    *("text/plain", "application/json; charset=utf-16", "a", "multipart/form-data"),
)
PARAMETERS = (*("1", "-1", "..", "null", "%00", "%ff", "lead.created", "a%2fb"), "9" * 40, "a" * 3_000)
QUERIES = (
    *("", "", "?limit=" + "9" * 400, "?filter=" + "%5b" * 900, "?filter=" + '{"not":' * 300),
    *("?", "?limit=-1", "?cursor=%00", "?cursor=%ff"),
    *("?types=lead.*,,", "?a=b&a=c", "?&&=&", "?type=%ED%A0%80"),
)
TOKENS = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"\t", b"\xff", b"%", b"HTTP/1.1", b"HTTP/9.9", b"0\r\n\r\n"),
    *(b"\r\nTransfer-Encoding: chunked", b"\r\nContent-Length: 5"),
    *(b"\r\nHost: a", b"\r\nExpect: 100-continue"),
    *(b"\r\nConnection: upgrade\r\nUpgrade: h2c", b"\r\nConnection: close", b"\r\nX-Company-Id: -1"),
)


class Garbage:
    """Invalid requests of every kind to *calls*, which are methods and paths."""

    def __init__(self, random: Random, calls: Sequence[tuple[str, str]], keys: Sequence[str]) -> None:
        self._random = random
        self._calls = calls
        self._keys = keys

    def request(self) -> bytes:
        random = self._random
        method, path = random.choice(self._calls)
        path = re.sub(r"\{[^}]*\}", lambda _: random.choice(PARAMETERS), path) + random.choice(QUERIES)
        body = b"" if method == "GET" else self._body()
        lines = [f"x-api-key: {random.choice(self._keys)}", f"content-type: {random.choice(TYPES)}"]
        if random.random() < 0.2:
            lines.append("transfer-encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif body:
            lines.append(f"content-length: {len(body)}")
        sent = head(method, path, *lines) + body
        for _ in range(random.choice((0, 0, 0, 1, 3))):
            sent = self._mutated(sent)
        return sent

    def _body(self) -> bytes:
        whole = self._random.choice(WHOLE)
        return whole % tuple(self._value(0) for _ in range(whole.count(b"%b")))

    def _value(self, depth: int) -> bytes:
        random = self._random
        kind = random.random()
        if kind < 0.1:
            levels = random.choice((63, 64, 65, 300, 1_000, 1_100, 40_000))
            ends = ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"not":', b"}]"), (b"[", b""))
            opening, closing = random.choice(ends)
            return opening * levels + random.choice(SCALARS) + closing * levels
        if kind < 0.5 or depth > 3:
            return random.choice(SCALARS)
        items = [self._value(depth + 1) for _ in range(random.randrange(5))]
        if kind < 0.7:
            return b"[" + b",".join(items) + b"]"
        return b"{" + b",".join(b'"%b":%b' % (random.choice(NAMES), item) for item in items) + b"}"

    def _mutated(self, sent: bytes) -> bytes:
        random = self._random
        at = random.randrange(min(len(sent), 400))
        length = random.choice((0, 0, 1, 3, 30))
        other = (b"", sent[at : at + length] * 2, bytes((random.randrange(256),)), random.choice(TOKENS))
        inserted = random.choice(other)
        return sent[:at] + inserted + sent[at + length :]


async def exchange(port: int, sent: bytes) -> bytes:
    """Send a request and then a valid one; return everything received until the server closes or a time limit is reached."""
    client, received = await connect(port), b""
    with contextlib.closing(client):
        middle = len(sent) // 2
        await client.send(sent[:middle])
        await asyncio.sleep(0)
        await client.send(sent[middle:] + LAST)
        while more := await client.read_some(65_536):
            received += more
    return received


def faults_of(received: bytes) -> list[str]:
    faults: list[str] = []
    for status, lines in ANSWER.findall(received):
        if status == b"100":
            continue
        if status[:1] == b"5":
            faults.append(f"answered with {status.decode()}")
        if b"\r\nx-request-id: " not in b"\r\n" + lines:
            faults.append(f"{status.decode()} has no request id")
        if status[:1] > b"3" and b"content-type: application/problem+json" not in lines:
            faults.append(f"{status.decode()} is no problem document")
    return faults


@pytest.mark.parametrize("count", [400, pytest.param(REQUESTS, marks=pytest.mark.slow)])
async def test_garbage_is_refused_and_nothing_else_happens(sqlite_database_url, caplog, count):
    async with serving(sqlite_database_url, SETTINGS) as site:
        calls = calls_of(site)
        keys = [await site.key(), await site.key(None), "garbage"]
        garbage = Garbage(Random(SEED), calls, keys)
        statuses = set[bytes]()
        for _ in range(count // AT_ONCE):
            requests = [garbage.request() for _ in range(AT_ONCE)]
            answers = await asyncio.gather(*(exchange(site.port, sent) for sent in requests))
            for sent, received in zip(requests, answers, strict=True):
                assert not (faults := faults_of(received)), (SEED, faults, sent[:2_000], received[:2_000])
                statuses |= {status for status, _ in ANSWER.findall(received)}
            traces = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
            assert not traces, (SEED, traces)
        assert statuses >= {b"200", b"400", b"401", b"404", b"422"}
        client = await site.connect()
        await client.send(LAST)
        assert (await client.answer()).headers["x-request-id"] == "last"


def calls_of(site: Site) -> list[tuple[str, str]]:
    """Return the calls of the API; calls with a body come more often."""
    calls = [
        (method, path)
        for route in create_app(site.hub).routes
        if (path := getattr(route, "path", "")).startswith("/api")
        for method in getattr(route, "methods", None) or ()
    ]
    bodies = [call for call in calls if call[0] in {"POST", "PATCH"}]
    most = [("POST", f"/api/v1/{path}") for path in ("events", "events/batch", "webhooks/subscriptions")]
    return sorted(calls) + sorted(bodies) * 3 + most * len(bodies)
