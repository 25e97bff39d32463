"""Request smuggling: a body is never answered as a request, directly and behind nginx and HAProxy.

Each row of the table sends a request, or a few, whose body is itself a request. A proxy and the hub must agree on where a
request ends (RFC 9112 §6 and §11.2), so the hub refuses a request that could be read in two ways.
"""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.nginx_sample import nginx
from tests.postgres_servers import free_port
from tests.raw_http import SOON, Answer, connect, head, serving

LAST = head("GET", "/healthz", "x-request-id: last", "connection: close")
UNPARSED = (400,)
Row = tuple[tuple[int, ...], bytes]
"""The statuses of the hub's answers, and what is sent."""


def table(key: str) -> dict[str, Row]:
    """Return the rows, for a company's *key*."""
    own = f"x-api-key: {key}", "x-request-id: sent"
    inner = head("GET", "/api/v1/me", f"x-api-key: {key}", "x-request-id: smuggled")
    size = len(inner)
    length, chunked = f"content-length: {size}", "transfer-encoding: chunked"
    chunk, empty = b"%x\r\n%b\r\n0\r\n\r\n" % (size, inner), b"0\r\n\r\n" + inner
    upgrade = "connection: upgrade", "upgrade: foo"

    def post(*lines: str, body: bytes = inner) -> bytes:
        return head("POST", "/api/v1/events", *own, *lines) + body

    def framed(framing: bytes) -> bytes:
        return post(chunked, body=framing.replace(b"SIZE", b"%x" % size).replace(b"BODY", inner))

    def changed(old: bytes, new: bytes) -> bytes:
        return post(length).replace(old, new, 1)

    get = head("GET", "/healthz", *own)
    read: dict[str, tuple[int, bytes]] = {
        "length": (422, post(length)),
        "length with zeros": (422, post(f"content-length: 000{size}")),
        "chunked": (422, post(chunked, body=chunk)),
        "chunked, in capitals": (422, post("Transfer-Encoding:\tCHUNKED ", body=chunk)),
        "chunk with extensions": (422, framed(b'SIZE;a=b;c="d";e\r\nBODY\r\n0;f\r\n\r\n')),
        "chunk with zeros": (422, framed(b"000SIZE\r\nBODY\r\n0\r\n\r\n")),
        "trailers": (422, framed(b"SIZE\r\nBODY\r\n0\r\nx-request-id: smuggled\r\nhost: other\r\n\r\n")),
        "trailers with upgrade": (
            422,
            framed(b"SIZE\r\nBODY\r\n0\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"),
        ),
        "GET with a body": (200, head("GET", "/healthz", *own, length) + inner),
        "GET with chunks": (200, head("GET", "/healthz", *own, chunked) + chunk),
        "refused before its body": (401, changed(key.encode(), b"none")),
        "Expect": (422, post("expect: 100-continue", length)),
        "Expect, chunked": (422, post("expect: 100-continue", chunked, body=chunk)),
        "Expect, refused": (401, post("expect: 100-continue", length).replace(key.encode(), b"none", 1)),
        "upgrade to h2c": (
            422,
            post("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABk", length),
        ),
        "upgrade to foo": (422, post(*upgrade, length)),
        "upgrade to foo, chunked": (422, post(*upgrade, chunked, body=chunk)),
        "upgrade to websocket": (422, post("connection: Upgrade", "upgrade: websocket", length)),
        "upgrade that closes": (422, post("connection: upgrade, close", "upgrade: foo", length)),
        "upgrade of HTTP/1.0": (422, post(*upgrade, length).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
        "absolute form": (422, changed(b"/api", b"http://hub/api")),
        "closed after": (200, head("GET", "/healthz", *own, "connection: close") + inner),
        "HTTP/1.0": (200, get.replace(b"HTTP/1.1", b"HTTP/1.0") + inner),
        "two hosts": (400, post("host: other", length)),
        "two keys": (400, post("x-api-key: other", length)),
        "two authorizations": (400, post("authorization: Bearer a", "authorization: Bearer b", length)),
        "no host": (400, changed(b"host: hub\r\n", b"")),
        "malformed host": (400, changed(b"host: hub", b"host: a/b")),
        "chunked in HTTP/1.0": (400, post(chunked, body=chunk).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
        "HTTP/2.0": (400, changed(b"HTTP/1.1", b"HTTP/2.0")),
        "gzip, chunked": (400, post("transfer-encoding: gzip, chunked", body=chunk)),
    }
    unparsed = {
        "CL.TE": post(length, chunked, body=empty),
        "TE.CL": post(chunked, "content-length: 4", body=chunk),
        "CL.TE with upgrade": post(*upgrade, length, chunked, body=empty),
        "unknown coding": post("transfer-encoding: xchunked", length, body=empty),
        "identity": post("transfer-encoding: identity", length),
        "chunked, identity": post("transfer-encoding: chunked, identity", body=chunk),
        "chunked twice": post(chunked, chunked, body=chunk),
        "vertical tab before chunked": post("transfer-encoding: \x0bchunked", body=chunk),
        "no coding": post("transfer-encoding:", length),
        "obs-fold": post(length, "x-a: b\r\n c"),
        "obs-fold of the coding": post(length, "transfer-encoding:\r\n chunked", body=empty),
        "obs-fold hides a length": post("x-a: b\r\n content-length: 0", length),
        "obs-fold with upgrade": post(*upgrade, length, "x-a: b\r\n c"),
        "two equal lengths": post(length, length),
        "two unequal lengths": post("content-length: 0", length),
        "list of equal lengths": post(f"{length}, {size}"),
        "list of unequal lengths": post(f"content-length: 0, {size}"),
        "length with a sign": post(f"content-length: +{size}"),
        "length in hexadecimal": post(f"content-length: 0x{size:x}"),
        "length beyond 64 bits": post("content-length: 99999999999999999999"),
        "space before the colon": post(f"content-length : {size}"),
        "tab before the colon": post("transfer-encoding\t: chunked", length, body=empty),
        "space before the first header": changed(b"host", b" host"),
        "bare LF for all lines": post(length, body=b"").replace(b"\r\n", b"\n") + inner,
        "bare LF hides a length": post("x-a: b\ncontent-length: 0", length),
        "bare LF ends the head": post(length, body=b"")[:-2] + b"\n" + inner,
        "bare CR hides a length": post("x-a: b\rcontent-length: 0", length),
        "NUL in a header": post("x-a: b\0c", length),
        "header without a colon": post("x-a", length),
        "chunk's size ends with LF": framed(b"SIZE\nBODY\r\n0\r\n\r\n"),
        "extension ends with LF": framed(b"SIZE;a\nBODY\r\n0\r\n\r\n"),
        "extension with a line": framed(b'SIZE;a="\r\n"BODY\r\n0\r\n\r\n'),
        "space before an extension": framed(b"SIZE ;a\r\nBODY\r\n0\r\n\r\n"),
        "chunk's size beyond 64 bits": framed(b"10000000000000000SIZE\r\nBODY\r\n0\r\n\r\n"),
        "chunk's size with 0x": framed(b"0xSIZE\r\nBODY\r\n0\r\n\r\n"),
        "chunk's size with a sign": framed(b"+SIZE\r\nBODY\r\n0\r\n\r\n"),
        "chunk longer than its size": framed(b"1\r\nBODY\r\n0\r\n\r\n"),
        "chunk without its end": framed(b"SIZE\r\nBODY0\r\n\r\n"),
        "chunk ends with LF": framed(b"SIZE\r\nBODY\n0\r\n\r\n"),
        "last chunk ends with LF": framed(b"SIZE\r\nBODY\r\n0\n\n"),
        "trailers with a length": framed(b"SIZE\r\nBODY\r\n0\r\ncontent-length: 5\r\n\r\n"),
        "trailers with a coding": framed(b"SIZE\r\nBODY\r\n0\r\ntransfer-encoding: chunked\r\n\r\n"),
        "request for a trailer": framed(b"1\r\n{\r\n0\r\nBODY"),
        "tunnel": changed(b"POST /api/v1/events", b"CONNECT hub:80"),
    }
    pipelined = {
        "pipelined": ((200, 422, 200), get + post(length) + get),
        "pipelined, chunked": ((422, 422, 200), post(chunked, body=chunk) * 2 + get),
        "pipelined before garbage": ((200, 200), get * 2 + b"\0" + inner),
        "pipelined before a broken body": ((200,), get + framed(b"-SIZE\r\nBODY\r\n0\r\n\r\n")),
    }
    return (
        {name: ((status,), sent) for name, (status, sent) in read.items()}
        | {name: (UNPARSED, sent) for name, sent in unparsed.items()}
        | pipelined
    )


def cases_of(rows: Iterable[str]) -> list[tuple[str, bool]]:
    """Return each row with whether it is sent in two parts; what is pipelined is sent as a whole only."""
    return [(name, cut) for name in rows for cut in (False, True) if not (cut and "pipelined" in name)]


async def exchange(port: int, sent: bytes, *, cut: bool) -> list[Answer]:
    """Send a row, with *cut* its head first, and then one request more; return the answers."""
    client = await connect(port)
    with contextlib.closing(client):
        end = sent.find(b"\r\n\r\n") + 4 if cut else 0
        await client.send(sent[:end])
        await asyncio.sleep(0.02 if cut else 0)
        await client.send(sent[end:])
        received = b""
        with contextlib.suppress(TimeoutError):
            received += await client.read_some(65_536)
            await client.send(LAST)
            while more := await client.read_some(65_536):
                received += more
    return list(answers_in(received))


def answers_in(received: bytes) -> Iterator[Answer]:
    """Cut what a server sent into its answers; interim ones are left out."""
    while received:
        lines, _, received = received.partition(b"\r\n\r\n")
        first, *rest = lines.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        length = int(headers.get("content-length", "0"))
        status = int(first.split()[1])
        if status != 100:
            yield Answer(status, headers, received[:length])
        received = received[length:]


def faults_of(answers: list[Answer], statuses: tuple[int, ...]) -> Iterator[str]:
    """Tell what is wrong with the hub's own *answers* to a row."""
    ids = [answer.headers.get("x-request-id") for answer in answers]
    if None in ids or "smuggled" in ids:
        yield f"the answers have the ids {ids}"
    found = tuple(answer.status for answer in answers)
    if found not in (statuses, (*statuses, 200)):
        yield f"the answers have the statuses {found}, not {statuses}"
    elif found != statuses and ids[-1] != "last":
        yield f"{ids[-1]} was answered last"
    else:
        assert all(answer.problem for answer in answers if answer.status >= 400)


LIMITS = {"limits.write": "9999/minute", "limits.read": "9999/minute"}


async def test_no_body_is_answered_as_a_request(sqlite_database_url: str):
    async with serving(sqlite_database_url, LIMITS) as site:
        rows = table(await site.key())
        cases = cases_of(rows)
        found = await asyncio.gather(*(exchange(site.port, rows[name][1], cut=cut) for name, cut in cases))
        told = {
            case: list(faults_of(answers, rows[case[0]][0]))
            for case, answers in zip(cases, found, strict=True)
        }
        assert {case: faults for case, faults in told.items() if faults} == {}
        assert b"/api/v1/me" not in site.hub.metrics.text()


NGINX = """
map $http_upgrade $connection_of_upgrade {{ default upgrade; '' ''; }}
upstream hub {{ server 127.0.0.1:{hub}; keepalive 1; }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://hub;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_of_upgrade;
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    http-reuse always
listen hub
    bind 127.0.0.1:{port}
    server hub 127.0.0.1:{hub}
"""
FORWARDED = {
    "length",
    "chunked",
    "trailers",
    "Expect",
    "upgrade to h2c",
    "upgrade to foo, chunked",
    "two keys",
    "pipelined",
}
"""Rows that each proxy forwards."""


@contextlib.contextmanager
def haproxy(folder: Path, settings: str) -> Iterator[None]:
    """Run HAProxy with *settings*; skips if there is none."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no HAProxy here: Debian's package 'haproxy' brings it")
    (folder / "haproxy.cfg").write_text(settings)
    process = subprocess.Popen([program, "-db", "-f", folder / "haproxy.cfg"])
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxy", "settings"), [(nginx, NGINX), (haproxy, HAPROXY)], ids=["nginx", "haproxy"]
)
async def test_no_body_is_answered_as_a_request_behind(
    proxy: Callable[[Path, str], AbstractContextManager[object]],
    settings: str,
    sqlite_database_url: str,
    tmp_path: Path,
):
    """The proxy may refuse a row itself. Its connection to the hub serves other clients after each row."""
    port, forwarded = free_port(), set[str]()
    async with serving(sqlite_database_url, LIMITS) as site:
        rows = table(await site.key())
        with proxy(tmp_path, settings.format(hub=site.port, port=port)):
            await listening(port)
            for name, cut in cases_of(rows):
                statuses, sent = rows[name]
                answers = await exchange(port, sent, cut=cut)
                ids = [answer.headers.get("x-request-id") for answer in answers]
                if ids[-1:] == ["last"]:
                    ids.pop()
                assert set(ids) <= {"sent", None}, name
                assert ids.count("sent") <= len(statuses), name
                if "sent" in ids:
                    forwarded.add(name)
                (after,) = await exchange(port, LAST, cut=False)
                assert (after.status, after.headers["x-request-id"]) == (200, "last"), name
        assert FORWARDED - forwarded == set()
        assert b"/api/v1/me" not in site.hub.metrics.text()


async def listening(port: int) -> None:
    """Wait until a server listens at *port*."""
    async with asyncio.timeout(SOON):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
