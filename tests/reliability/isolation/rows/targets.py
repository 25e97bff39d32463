"""Targets that answer late, wrongly, endlessly or never: 100 subscriptions each, and events for all of them."""

import asyncio
import gzip

from attack import Attack
from row import row

from trunkline_kit.receiver import (
    Answer,
    CloseWithoutAnswer,
    Connection,
    Drip,
    EndlessHeaders,
    Garbage,
    Hang,
    HugeBody,
    Redirect,
    Reply,
    Reset,
)


async def _push_to(attack: Attack, reply: Reply, *, events: int = 10) -> None:
    attack.receiver.always(reply)
    await attack.flood(lambda n: f"{attack.receiver.url}/{n}", events=events)


@row(in_part=("postgresql",), seconds=11.5)
async def hanging_targets(attack: Attack) -> None:
    """A hundred targets that take the request and never answer."""
    await _push_to(attack, Hang(), events=50)


@row(seconds=6)
async def paced_backlogs(attack: Attack) -> None:
    """A hundred targets with a pace of ten a second, one at a time, and many more events than that for each."""
    attack.receiver.always(Answer())
    paced = {"rate": "10/second", "max_in_flight": 1, "timeout_seconds": 60}
    await attack.flood(lambda n: f"{attack.receiver.url}/{n}", events=50, **paced)


@row(seconds=11.5)
async def dripping_targets(attack: Attack) -> None:
    """A hundred targets whose answer comes byte by byte."""
    await _push_to(attack, Drip(0.2))


@row(seconds=6)
async def targets_that_drip_headers(attack: Attack) -> None:
    """A hundred targets that send endless headers, line by line."""
    await _push_to(attack, EndlessHeaders(0.2))


@row(seconds=6)
async def huge_headers(attack: Attack) -> None:
    """A hundred targets that send endless headers, as fast as they are read."""
    await _push_to(attack, EndlessHeaders())


@row(seconds=6)
async def huge_answers(attack: Attack) -> None:
    """A hundred targets that answer with 100 MiB."""
    await _push_to(attack, HugeBody())


@row(seconds=6)
async def early_hints(attack: Attack) -> None:
    """A hundred targets that send interim answers (104) without end."""

    async def hint(connection: Connection) -> None:
        while True:
            connection.write(b"HTTP/1.1 104 Upload\r\nx: y\r\n\r\n" * 50)
            await asyncio.sleep(0.01)
            await connection.drain()

    await _push_to(attack, hint)


@row(seconds=6)
async def endless_chunk_extensions(attack: Attack) -> None:
    """A hundred targets whose chunks of one byte have extensions of 8 KiB, without end."""

    async def chunk(connection: Connection) -> None:
        connection.write(b"HTTP/1.1 500 \r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            connection.write(b"1;" + b"e" * 8192 + b"\r\n.\r\n")
            await asyncio.sleep(0)
            await connection.drain()

    await _push_to(attack, chunk)


@row(seconds=6)
async def resetting_targets(attack: Attack) -> None:
    """A hundred targets that reset each connection."""
    await _push_to(attack, Reset(), events=20)


@row(seconds=6)
async def targets_that_close_kept_connections(attack: Attack) -> None:
    """A hundred targets that answer 200 and close the kept connection."""

    async def close(connection: Connection) -> None:
        connection.write(Answer().render())
        await asyncio.sleep(0.02)
        connection.close()

    await _push_to(attack, close, events=20)


@row(seconds=6)
async def targets_that_close(attack: Attack) -> None:
    """A hundred targets that close without an answer."""
    await _push_to(attack, CloseWithoutAnswer(), events=20)


@row(seconds=6)
async def late_second_answers(attack: Attack) -> None:
    """A hundred targets that send an unrequested answer 3 ms after each answer."""

    async def answer_twice(connection: Connection) -> None:
        connection.write(Answer().render())
        await asyncio.sleep(0.003)
        connection.write(Answer(410).render())

    await _push_to(attack, answer_twice, events=20)


@row(seconds=6)
async def redirecting_targets(attack: Attack) -> None:
    """A hundred targets that redirect to each other."""
    await _push_to(attack, Redirect(f"{attack.receiver.url}/next", 308), events=20)


@row(seconds=6)
async def gzip_bombs(attack: Attack) -> None:
    """A hundred targets that answer with 60 KiB that expand to 60 MiB."""
    bomb = gzip.compress(bytes(60 * 2**20))
    await _push_to(attack, Answer(500, {"content-encoding": "gzip"}, bomb[:65_000]), events=20)


@row(seconds=6)
async def answers_to_be_mended(attack: Attack) -> None:
    """A hundred targets whose answers have as many lines without CR as fit into a head."""
    await _push_to(attack, Garbage(b"HTTP/1.1 500 No\n" + b"a:\n" * 21_000 + b"\n"), events=20)


@row(seconds=6)
async def garbage(attack: Attack) -> None:
    """A hundred targets that answer with bytes that are not HTTP."""
    await _push_to(attack, Garbage(), events=20)


@row(seconds=6)
async def tls_to_garbage(attack: Attack) -> None:
    """A hundred https targets that answer the handshake with bytes that are not TLS."""
    attack.receiver.always(Garbage())
    await attack.flood(lambda n: f"https://127.0.0.1:{attack.receiver.port}/{n}", events=20)


@row(seconds=6)
async def tls_that_hangs(attack: Attack) -> None:
    """A hundred https targets that accept the connection and never do the handshake."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await attack.flood(lambda n: f"https://127.0.0.1:{port}/{n}", events=20)


@row(seconds=6)
async def targets_that_call_the_hub(attack: Attack) -> None:
    """A hundred targets that are the hub's own API: each push is a call to it."""
    await attack.flood(lambda n: f"{attack.url}/api/v1/events?n={n}", events=5)


@row(seconds=6)
async def targets_that_ask_to_come_back(attack: Attack) -> None:
    """A hundred targets that answer 503 and ask for a retry after one second."""
    await _push_to(attack, Answer(503, {"retry-after": "1"}), events=20)


@row(seconds=11.5)
async def three_companies_hang(attack: Attack) -> None:
    """Three companies with a hundred hanging targets each, and batches of 200 events for all."""
    attack.receiver.always(Hang())
    for company in range(3):
        await attack.subscribe(100, lambda n: f"{attack.receiver.url}/{n}", company=company, at_once=8)
    await attack.repeat(lambda turn: attack.emit(200, company=turn % 3), pause_seconds=0.5)
