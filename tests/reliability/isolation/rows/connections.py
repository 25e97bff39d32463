"""Connections without a key: endless heads and bodies, and silent sockets."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from attack import Attack
from row import row
from smuggling import LAST, table

MIB = 2**20
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(attack: Attack) -> Streams:
    parts = urlsplit(attack.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _open_many(attack: Attack, count: int, *, first: bytes) -> list[Streams]:
    """Open *count* connections and send *first* on each."""
    opened: list[Streams] = []
    for _ in range(count):
        try:
            reader, writer = await _open(attack)
            writer.write(first)
        except OSError:
            attack.noted["refused connections"] += 1
            continue
        opened.append((reader, writer))
    attack.noted["connections"] += len(opened)
    return opened


async def _drip(attack: Attack, opened: list[Streams], drop: bytes, *, pause_seconds: float) -> None:
    """Send *drop* on each connection every *pause_seconds*, until time is up."""
    while attack.goes_on:
        for _, writer in opened:
            with contextlib.suppress(OSError):
                writer.write(drop)
        await asyncio.sleep(pause_seconds)
    closed = sum(reader.at_eof() for reader, _ in opened)
    attack.noted["closed by the hub"] += closed


async def _pour(attack: Attack, first: bytes, piece: bytes, *, most_bytes: int) -> None:
    """Send *first*, then *piece* repeatedly up to *most_bytes*, or until the hub has closed."""
    sent = 0
    with contextlib.suppress(OSError):
        reader, writer = await _open(attack)
        try:
            writer.write(first)
            while attack.goes_on and sent < most_bytes and not reader.at_eof():
                writer.write(piece)
                sent += len(piece)
                await writer.drain()
                await asyncio.sleep(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    line = await reader.readline()
                    attack.noted[line.decode("latin-1").strip()[:40] or "closed"] += 1
        finally:
            writer.close()
    attack.noted["MiB sent"] += sent // MIB


@row(in_part=("postgresql",))
async def endless_heads(attack: Attack) -> None:
    """Four connections at a time with 128 MiB of header lines each, without a key."""
    piece = b"".join(b"x-%d: %s\r\n" % (n, b"y" * 1000) for n in range(60))
    await attack.repeat(
        lambda _: _pour(attack, b"GET / HTTP/1.1\r\nHost: hub\r\n", piece, most_bytes=128 * MIB), at_once=4
    )


@row()
async def endless_header_line(attack: Attack) -> None:
    """Four connections at a time with one header of 128 MiB, without a key."""
    await attack.repeat(
        lambda _: _pour(attack, b"GET / HTTP/1.1\r\nHost: hub\r\nx: ", b"y" * 60_000, most_bytes=128 * MIB),
        at_once=4,
    )


@row()
async def endless_request_line(attack: Attack) -> None:
    """Four connections at a time with a path of 128 MiB, without a key."""
    await attack.repeat(lambda _: _pour(attack, b"GET /", b"y" * 60_000, most_bytes=128 * MIB), at_once=4)


@row(in_part=("sqlite",), seconds=11.5)
async def silent_connections(attack: Attack) -> None:
    """700 connections on which nothing is ever sent, without a key."""
    opened = await _open_many(attack, attack.size(700, 700), first=b"")
    await _drip(attack, opened, b"", pause_seconds=1)


@row(
    remedy="A proxy in front must count connections by address: at the hub's own limit (`server.max_connections`) a new one is "
    "refused, whoever it is.",
    seconds=11.5,
    is_alone=True,
)
async def two_thousand_silent_connections(attack: Attack) -> None:
    """2,000 connections on which nothing is ever sent, reopened when they are closed, without a key."""
    opened: list[Streams] = []
    while attack.goes_on:
        opened = [pair for pair in opened if not pair[0].at_eof() and not pair[1].is_closing()]
        opened += await _open_many(attack, min(2000 - len(opened), 400), first=b"")
        await asyncio.sleep(0.2)


@row(seconds=11.5)
async def slow_heads(attack: Attack) -> None:
    """500 connections whose head comes a byte a second, without a key."""
    opened = await _open_many(attack, 500, first=b"GET /healthz HTTP/1.1\r\nHost: hub\r\nx: ")
    await _drip(attack, opened, b"y", pause_seconds=1)


@row(seconds=11.5)
async def slow_bodies(attack: Attack) -> None:
    """500 connections with a key whose body of 16 MiB comes a byte a second."""
    head = (
        "POST /api/v1/events/batch HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
        f"X-Api-Key: {attack.key()}\r\nContent-Length: 16000000\r\n\r\n{{"
    )
    opened = await _open_many(attack, 500, first=head.encode())
    await _drip(attack, opened, b" ", pause_seconds=1)


@row(seconds=11.5)
async def bodies_that_stop_at_the_end(attack: Attack) -> None:
    """40 bodies of 15 MiB each that stop before their last byte."""
    body = b'{"events":[' + b"[]," * (5 * MIB)
    head = (
        "POST /api/v1/events/batch HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
        f"X-Api-Key: {attack.key()}\r\nContent-Length: {len(body) + 1}\r\n\r\n"
    )
    opened = await _open_many(attack, attack.size(40, 10), first=head.encode() + body)
    await _drip(attack, opened, b"", pause_seconds=1)


@row()
async def connections_come_and_go(attack: Attack) -> None:
    """Connections that are opened and reset at once, eight at a time, without a key."""

    async def come_and_go(_: int) -> None:
        with contextlib.suppress(OSError):
            _, writer = await _open(attack)
            writer.transport.abort()

    await attack.repeat(come_and_go, at_once=8, pause_seconds=0.005)


@row(
    remedy="While a process makes the OpenAPI document, once and in a thread, SQLite's statements wait for their thread's turn; "
    "a proxy in front must send one request of a connection at a time and take the answer itself, as nginx does."
)
async def pipelined_and_unread(attack: Attack) -> None:
    """50 connections that ask for the OpenAPI document 500 times each and read nothing, without a key."""
    requests = b"GET /openapi.json HTTP/1.1\r\nHost: hub\r\n\r\n" * 500
    opened = await _open_many(attack, 50, first=requests)
    await attack.rest()
    for _, writer in opened:
        writer.transport.abort()


@row()
async def half_closed(attack: Attack) -> None:
    """Requests whose sender half-closes the connection at once, repeatedly, without a key."""

    async def ask(_: int) -> None:
        with contextlib.suppress(OSError):
            reader, writer = await _open(attack)
            writer.write(b"GET /docs HTTP/1.1\r\nHost: hub\r\n\r\n")
            writer.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await reader.read(100)
            writer.close()

    await attack.repeat(ask, at_once=8)


@row()
async def bytes_that_are_not_http(attack: Attack) -> None:
    """TLS greetings and other bytes that are not HTTP, on eight connections at a time, without a key."""

    async def send(_: int) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await _open(attack)
            writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500))
            async with asyncio.timeout(3):
                await reader.read(100)
            writer.close()

    await attack.repeat(send, at_once=8)


@row(in_part=("sqlite",))
async def smuggled_requests(attack: Attack) -> None:
    """Each request of the table of smuggling, whole and in two parts: the hub must never answer a body as a request."""

    async def send(turn: int) -> None:
        requests = table(attack.key())
        name = list(requests)[turn // 2 % len(requests)]
        _, sent = requests[name]
        end = sent.find(b"\r\n\r\n") + 4 if turn % 2 else 0
        reader, writer = await _open(attack)
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, TimeoutError):
            writer.write(sent[:end])
            await asyncio.sleep(0.02 if end else 0)
            writer.write(sent[end:] + LAST)
            async with asyncio.timeout(2):
                answers = await reader.read(-1)
            attack.noted["exchanges"] += 1
            if b"x-request-id: smuggled" in answers.lower():
                raise AssertionError(f"the body of {name!r} was answered as a request")

    await attack.repeat(send, at_once=8)
