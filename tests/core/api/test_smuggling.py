"""Request smuggling: a body is never answered as a request, directly and behind nginx and HAProxy."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.nginx_sample import nginx
from tests.programs import free_port
from tests.raw_http import SOON, Answer, connect, serving
from tests.reliability.isolation.smuggling import LAST, table


def cases_of(rows: Iterable[str]) -> list[tuple[str, bool]]:
    """Return each row, once whole and once in two parts; pipelined rows are sent whole only."""
    return [(name, cut) for name in rows for cut in (False, True) if not (cut and "pipelined" in name)]


async def exchange(port: int, sent: bytes, *, cut: bool) -> list[Answer]:
    """Send a row, with *cut* its head first, and then one more request; return the answers."""
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
    """Split a server's bytes into answers; interim answers are left out."""
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
    """List the faults of the hub's own *answers* to a row."""
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


async def test_no_body_is_answered_as_a_request(sqlite_database_url):
    async with serving(sqlite_database_url, LIMITS) as site:
        rows = table(await site.key())
        cases = cases_of(rows)
        found = await asyncio.gather(*(exchange(site.port, rows[name][1], cut=cut) for name, cut in cases))
        for (name, cut), answers in zip(cases, found, strict=True):
            assert list(faults_of(answers, rows[name][0])) == [], (name, cut)
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
FORWARDED = {"length", "chunked", "trailers", "Expect", "two keys", "pipelined"}
FORWARDED |= {"upgrade to h2c", "upgrade to foo, chunked"}
"""Rows that each proxy forwards."""


@contextlib.contextmanager
def haproxy(folder: Path, settings: str) -> Iterator[None]:
    """Run HAProxy with *settings*; skip the test if there is none."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("there is no HAProxy here: Debian's package 'haproxy' brings it")
    (folder / "haproxy.cfg").write_text(settings)
    process = subprocess.Popen([program, "-db", "-f", folder / "haproxy.cfg"])
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxy", "settings"), [(nginx, NGINX), (haproxy, HAPROXY)], ids=["nginx", "haproxy"]
)
async def test_no_body_is_answered_as_a_request_behind(proxy, settings, sqlite_database_url, tmp_path):
    """The proxy may refuse a row itself. After each row its connection to the hub serves other clients."""
    port, forwarded = free_port(), set[str]()
    async with serving(sqlite_database_url, LIMITS) as site:
        rows = table(await site.key())
        with proxy(tmp_path, settings.format(hub=site.port, port=port)):
            await listening(port)
            # CONNECT has no content (RFC 9110 §9.3.6): a proxy may read the rest as a request
            del rows["tunnel"]
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
    async with asyncio.timeout(SOON):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
