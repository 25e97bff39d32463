"""Stored API keys on both databases."""

import pytest
from tests.core.store.conftest import read_with, write_with
from tests.statements import execute

from trunkline.store import keys
from trunkline.store.database import Database
from trunkline.store.keys import KeyRecord


def record(number: int, company_id: int | None = 92, *, created_ms: int = 1000) -> KeyRecord:
    scopes = ("operator",) if company_id is None else ("events:read", "admin")
    return KeyRecord(f"key_{number}", company_id, f"Key {number}", scopes, "abcd", created_ms)


def digest(number: int) -> bytes:
    return bytes([number]) * 32


async def insert(database: Database, *records: KeyRecord) -> None:
    async with database.write() as connection:
        for record in records:
            await keys.insert(connection, record, digest=digest(int(record.id[4:])))


async def last_used_ms(database: Database, key_id: str) -> int | None:
    return next(r.last_used_ms for r in await read_with(database, keys.list_keys, None) if r.id == key_id)


async def test_keys_are_found_by_digest_in_one_query(database):
    await insert(database, record(1), record(2, None))
    async with database.read() as connection:
        valid = await keys.find_valid(connection, [digest(1), digest(2), digest(3)])
        assert await keys.find_valid(connection, []) == {}
    assert {key: record.record for key, record in valid.items()} == {
        digest(1): record(1),
        digest(2): record(2, None),
    }


async def test_a_revoked_key_is_not_found_again_and_keeps_its_time(database):
    await insert(database, record(1))
    for _ in range(2):
        assert await write_with(database, keys.revoke, "key_1", company_id=92)
    async with database.read() as connection:
        assert await keys.find_valid(connection, [digest(1)]) == {}
        (listed,) = await keys.list_keys(connection, 92)
    assert listed.revoked_ms is not None


@pytest.mark.parametrize(("key_id", "company_id"), [("key_2", 92), ("key_1", 93), ("key_1", 0)])
async def test_only_an_existing_key_of_that_company_is_revoked(database, key_id, company_id):
    await insert(database, record(1))
    async with database.write() as connection:
        assert not await keys.revoke(connection, key_id, company_id=company_id)
        assert await keys.find_valid(connection, [digest(1)])


async def test_an_operator_revokes_anyones(database):
    await insert(database, record(1))
    assert await write_with(database, keys.revoke, "key_1", company_id=None)


async def test_keys_are_listed_oldest_first_by_company_or_all(database):
    records = [record(1, created_ms=3), record(2, 93, created_ms=2), record(3, None), record(4, created_ms=1)]
    await insert(database, *records)
    own = await read_with(database, keys.list_keys, 92)
    everyones = await read_with(database, keys.list_keys, None)
    assert [record.id for record in own] == ["key_4", "key_1"]
    assert [record.id for record in everyones] == ["key_4", "key_2", "key_1", "key_3"]
    assert everyones[-1].company_id is None


async def test_the_last_use_is_written_at_most_once_in_five_minutes(database):
    await insert(database, record(1), record(2))

    async def touch() -> int | None:
        await write_with(database, keys.touch, ["key_1"])
        return await last_used_ms(database, "key_1")

    async def found_untouched() -> bool:
        return (await read_with(database, keys.find_valid, [digest(1)]))[digest(1)].untouched

    async def age(ms: int) -> None:
        await execute(database, f"UPDATE api_keys SET last_used_ms = last_used_ms - {ms}")

    assert await found_untouched()
    first = await touch()
    assert first is not None
    assert not await found_untouched()
    await age(keys.TOUCH_AFTER_MS - 60_000)
    assert await touch() == first - keys.TOUCH_AFTER_MS + 60_000
    await age(60_001)
    assert await found_untouched()
    assert (await touch() or 0) >= first
    assert await last_used_ms(database, "key_2") is None
