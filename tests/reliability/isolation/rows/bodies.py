"""Bodies that are large, deep or wrong, and answers that are not read."""

import asyncio
import gzip
from urllib.parse import urlsplit

import orjson
from attack import LEAD, Attack
from row import row

MIB = 2**20
_SMALLER = "A proxy in front must limit bodies to what your product sends."
_NO_GZIP = "A proxy in front must refuse bodies with a Content-Encoding if your product sends none."


async def _send(attack: Attack, body: bytes, *, path: str = "/events/batch", at_once: int = 2) -> None:
    await attack.repeat(
        lambda turn: attack.call("POST", path, data=body, company=turn % 3),
        at_once=at_once,
        pause_seconds=0.2,
    )


def _filled(size: int, piece: bytes) -> bytes:
    return b",".join([piece] * (size // (len(piece) + 1)))


@row(in_part=("sqlite",))
async def nested_arrays(attack: Attack) -> None:
    """16 MiB of arrays nested 64 deep, as a batch of events."""
    nest = b"[" * 60 + b"]" * 60
    await _send(attack, b'{"events":[' + _filled(16 * MIB - 100, nest) + b"]}")


@row()
async def deep_nesting(attack: Attack) -> None:
    """Short and long batches, and payloads in them, that nest thousands of levels deep, eight at a time."""
    nests = (b"[" * 3_000 + b"]" * 3_000, b'{"a":' * 3_000 + b"1" + b"}" * 3_000, b'[{"a":' * 50_000)
    places = (b'{"events":%b}', b'{"events":[{"type":"lead.created","payload":{"city":%b}}]}')
    bodies = [place % nest + padding for place in places for nest in nests for padding in (b"", b" " * MIB)]
    await attack.repeat(
        lambda turn: attack.call("POST", "/events/batch", data=bodies[turn % len(bodies)], company=turn % 3),
        at_once=8,
    )


@row(remedy=_NO_GZIP)
async def inflated_bodies(attack: Attack) -> None:
    """Short gzip bodies that become 64 MiB, ones that become 16 MiB of spaces around an event, and cut ones, eight at a time."""
    event = b'{"type":"lead.created","payload":' + orjson.dumps(LEAD) + b"}"
    spaced = gzip.compress(b'{"events":[' + event + b" " * (16 * MIB - 1000) + b"]}", 1)
    bodies = (gzip.compress(b'{"events":["' + bytes(64 * MIB), 1), spaced, spaced[:-100], spaced)
    places = ("/events/batch", "/events", "/webhooks/subscriptions", "/events/batch")

    async def send(turn: int) -> None:
        headers = {"Content-Encoding": "gzip"}
        body, path = bodies[turn % 4], places[turn // 4 % 4]
        await attack.call("POST", path, data=body, company=turn % 3, headers=headers)

    await attack.repeat(send, at_once=8)


@row()
async def duplicate_keys(attack: Attack) -> None:
    """16 MiB of an object that repeats one member."""
    await _send(attack, b'{"events":[{' + _filled(16 * MIB - 100, b'"a":1') + b"}]}")


@row(remedy=_SMALLER)
async def unknown_members(attack: Attack) -> None:
    """12 MiB of events with unknown members, whose faults are many."""
    members = b",".join(b'"m%d":1' % n for n in range(12 * MIB // 12))
    await _send(attack, b'{"events":[{"type":"lead.created","payload":{},' + members + b"}]}")


@row()
async def empty_objects(attack: Attack) -> None:
    """16 MiB of empty events, each of which is refused."""
    await _send(attack, b'{"events":[' + _filled(16 * MIB - 100, b"{}") + b"]}")


@row()
async def numbers_in_the_millions(attack: Attack) -> None:
    """16 MiB of small numbers in the metadata of one event."""
    lead = orjson.dumps(LEAD)
    numbers = _filled(15 * MIB, b"1")
    await _send(
        attack,
        b'{"events":[{"type":"lead.created","payload":' + lead + b',"metadata":{"n":[' + numbers + b"]}}]}",
    )


@row()
async def unknown_event_types(attack: Attack) -> None:
    """Subscriptions that name 20,000 unknown event types and groups of them."""
    types = [f"no.such{n}" if n % 2 else f"no.such{n}.*" for n in range(20_000)]
    body = orjson.dumps({"target_url": "http://127.0.0.1:9/", "event_types": types})
    await _send(attack, body, path="/webhooks/subscriptions", at_once=4)


@row()
async def large_filters(attack: Attack) -> None:
    """Subscriptions with a filter of thousands of clauses, nested, with long values."""
    deep = {"all": [{"any": [{"metadata.x": {"in": ["y" * 1000] * 50}}] * 60}] * 3}
    body = orjson.dumps({"target_url": "http://127.0.0.1:9/", "event_types": ["*"], "filter": deep})
    await _send(attack, body, path="/webhooks/subscriptions", at_once=4)


@row(remedy=_SMALLER)
async def large_batches(attack: Attack) -> None:
    """Valid batches of 1,000 events with 15 KB each, two at a time, one after the other."""
    lead = {"type": "lead.created", "payload": LEAD, "metadata": {"text": "a" * 15_000}}
    await _send(attack, orjson.dumps({"events": [lead] * 1000}))


@row()
async def batches_of_small_events(attack: Attack) -> None:
    """Valid batches of 1,000 small events, as fast as they are taken."""
    await attack.repeat(lambda turn: attack.emit(1000, company=turn % 3), at_once=4, pause_seconds=0.05)


@row(seconds=6, remedy=_SMALLER)
async def slow_readers_of_faults(attack: Attack) -> None:
    """Eight clients whose bodies have a million faults read the answer byte by byte."""
    members = b",".join(b'"m%d":1' % n for n in range(12 * MIB // 12))
    body = b'{"events":[{"type":"lead.created","payload":{},' + members + b"}]}"
    await asyncio.gather(*(_read_slowly(attack, body, attack.key(n % 3)) for n in range(8)))


async def _read_slowly(attack: Attack, body: bytes, key: str) -> None:
    host = urlsplit(attack.url).netloc
    head = (
        f"POST /api/v1/events/batch HTTP/1.1\r\nHost: {host}\r\nX-Api-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with attack.connected() as (reader, writer):
        writer.write(head.encode() + body)
        while attack.goes_on:
            await reader.read(1)
            await asyncio.sleep(0.05)
