"""Appending in one round trip: the events are those that an append in a transaction stores."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from msgspec import structs
from tests.core.store.conftest import read_with, write_with
from tests.core.store.test_stream import NONE, SHARDS, TRACE, draft
from tests.core.store.test_stream import append as append_in_transaction
from tests.statements import execute

from trunkline.model.events import Draft
from trunkline.store import append_at_once, directory, idempotency, stream, subscriptions
from trunkline.store import keys as key_store
from trunkline.store.database import Database
from trunkline.store.epochs import STEP
from trunkline.store.idempotency import Key, Use
from trunkline.store.keys import KeyRecord
from trunkline.store.sql import text
from trunkline.store.stream import Appended

on_a_server = pytest.mark.parametrize("engine", ["postgresql"])
REFERENCES = {92: "acme-é", 93: None}
DRAFTS = [
    draft(),
    structs.replace(draft(), created_utc=""),
    structs.replace(draft(93, "client.created"), created_utc="", metadata=b'{"source":"crm"}', version=2),
    structs.replace(draft(-92), created_utc="", traceparent=TRACE),
    structs.replace(draft(), payload='{"n":99.00,"name":"Zoë \\\\ \\"x\\" \\u00e9 日本"}'.encode()),
]


async def append(database: Database, drafts: Sequence[Draft], **changes: Any) -> Appended | None:
    options = {"shards": SHARDS, "references": REFERENCES, "companies_version": 0, "keys": (), "api_keys": ()}
    async with database.write_once() as connection:
        return await append_at_once.append(connection, drafts, **options | changes)


async def test_the_stored_events_are_those_that_are_returned(database):
    first = await append_in_transaction(database, [draft()])
    appended = await append(database, DRAFTS)
    assert appended is not None
    async with database.read() as connection:
        _, stored = await stream.read_on(
            connection, range(SHARDS), after=first[0].position, up_to=NONE + 100, limit=10
        )
        head = await stream.head(connection)
    assert stored == appended.events
    assert [event.position for event in stored] == list(range(NONE + 2, NONE + 7))
    assert head == stream.Head(NONE + 6, appended.routing_version)
    assert [(event.company_id, event.type, event.version, event.traceparent) for event in stored] == [
        (each.company_id, each.type, each.version, each.traceparent) for each in DRAFTS
    ]


async def test_the_envelopes_are_those_of_an_append_in_a_transaction(database):
    appended = await append(database, DRAFTS)
    other = await write_with(database, stream.append, DRAFTS, shards=SHARDS, references=REFERENCES)
    assert appended is not None

    def without_id_and_time(body: bytes) -> bytes:
        decoded = orjson.loads(body)
        return body.replace(b'{"id":%d' % decoded["id"], b"").replace(decoded["createdUtc"].encode(), b"")

    assert [without_id_and_time(event.body) for event in appended.events] == [
        without_id_and_time(event.body) for event in other.events
    ]


async def test_nothing_is_stored_if_companies_have_changed(database):
    await write_with(database, directory.count_change)
    assert await append(database, DRAFTS) is None
    assert (await read_with(database, stream.head)).position == NONE
    assert await append(database, DRAFTS, companies_version=1) is not None


async def test_an_append_that_waited_knows_of_the_subscription_that_it_waited_for(database):
    async with database.write() as connection:
        version = await subscriptions.next_version(connection)
        head, _ = await subscriptions.lock_head(connection)
        appending = asyncio.create_task(append(database, [draft()]))
        await asyncio.sleep(0.2)
        assert not appending.done()
    appended = await appending
    assert appended is not None
    assert appended.events[0].position == head + 1
    assert appended.routing_version == version


async def test_idempotency_keys_are_stored_with_the_positions_of_their_events(database):
    keys = [Key(92, "a", b"1" * 32, 0, 2), Key(93, "b", b"2" * 32, 2, 3)]
    appended = await append(database, DRAFTS, keys=keys)
    assert appended is not None
    async with database.read() as connection:
        found = await idempotency.find(connection, [(92, "a"), (93, "b"), (92, "b")], lifetime_ms=60_000)
        made = (await connection.execute(text("SELECT min(created_ms) FROM idempotency_keys"))).scalar_one()
    assert found == {
        (92, "a"): Use(92, "a", b"1" * 32, NONE + 1, 2),
        (93, "b"): Use(93, "b", b"2" * 32, NONE + 3, 3),
    }
    assert made == appended.events[0].accepted_ms


async def test_nothing_is_stored_if_an_idempotency_key_exists(database):
    assert await append(database, DRAFTS, keys=[Key(92, "a", b"1" * 32, 0, 5)]) is not None
    assert await append(database, DRAFTS, keys=[Key(92, "a", b"1" * 32, 0, 5)]) is None
    assert (await read_with(database, stream.head)).position == NONE + len(DRAFTS)


async def test_of_requests_with_one_idempotency_key_that_wait_for_the_lock_one_is_stored(database):
    async with database.write() as connection:
        await subscriptions.lock_head(connection)
        appending = [
            asyncio.create_task(append(database, DRAFTS, keys=[Key(92, "a", b"1" * 32, 0, 5)]))
            for _ in range(3)
        ]
        await asyncio.sleep(0.3)
    appended = await asyncio.gather(*appending)
    assert sorted(each is None for each in appended) == [False, True, True]
    assert (await read_with(database, stream.head)).position == NONE + len(DRAFTS)


FRESH, OTHER = b"f" * 32, b"o" * 32


async def make_api_keys(database: Database) -> None:
    """Make two API keys that were just used."""
    async with database.write() as connection:
        for digest in (FRESH, OTHER):
            record = KeyRecord(f"key_{digest[:2].decode()}", 92, "", ("events:write",), "last", 1)
            await key_store.insert(connection, record, digest=digest)
        await key_store.touch(connection, ["key_ff", "key_oo"])


async def test_events_of_valid_api_keys_are_stored(database):
    await make_api_keys(database)
    assert await append(database, DRAFTS, api_keys={FRESH, OTHER}) is not None


@pytest.mark.parametrize(
    "change",
    ["revoked_ms = 1", "expires_ms = 1", "last_used_ms = 1", "last_used_ms = NULL", "digest = :other"],
)
async def test_nothing_is_stored_if_an_api_key_is_not_valid_or_its_use_must_be_noted(database, change):
    await make_api_keys(database)
    before = (await read_with(database, stream.head)).position
    values = {"other": b"x" * 32} if ":" in change else {}
    await execute(database, f"UPDATE api_keys SET {change} WHERE id = 'key_oo'", **values)
    assert await append(database, DRAFTS, api_keys={FRESH, OTHER}) is None
    assert (await read_with(database, stream.head)).position == before
    assert await append(database, DRAFTS, api_keys={FRESH}) is not None


async def test_appends_of_many_connections_leave_no_gap(database):
    appended = await asyncio.gather(*(append(database, DRAFTS[: 1 + n % 3]) for n in range(40)))
    positions = sorted(event.position for each in appended if each for event in each.events)
    assert positions == list(range(NONE + 1, NONE + 1 + sum(1 + n % 3 for n in range(40))))


@on_a_server
async def test_ids_are_skipped_after_a_promotion(database):
    await execute(database, "UPDATE stream_head SET timeline = '0000000F'")
    appended = await append(database, [draft()])
    assert appended is not None
    assert appended.events[0].position > NONE + STEP
    following = await append(database, [draft()])
    assert following is not None
    assert following.events[0].position == appended.events[0].position + 1
