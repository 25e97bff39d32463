"""The stores that remember handled events, each against its real storage."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session
from tests.clients.python.test_receiving import configured_django
from tests.reliability.test_rate_limits import redis as redis_server  # noqa: F401

from trunkline_client import DjangoSeen, MemorySeen, RedisSeen
from trunkline_client.sql import SqlSeen

LARGE = 2**62 + 1


def check(store: Any) -> None:
    assert 7 not in store
    assert [store.seen(7), store.seen(7), store.seen(LARGE), store.seen(LARGE - 1)] == [
        False,
        True,
        False,
        False,
    ]
    assert 7 in store
    assert LARGE in store
    assert 8 not in store


def test_in_memory_the_newest_are_kept():
    check(MemorySeen())
    seen = MemorySeen(limit=3)
    assert [seen.seen(one) for one in (5, 1, 9, 7)] == [False] * 4
    assert list(seen.ids(0, 100)) == [5, 7, 9]
    assert list(seen.ids(5, 8)) == [7]
    assert 1 not in seen


@pytest.mark.slow
def test_in_redis_of_all_processes_that_use_it(redis_server):  # noqa: F811
    with redis.Redis.from_url(redis_server[0]) as one, redis.Redis.from_url(redis_server[0]) as two:
        check(RedisSeen(one))
        assert RedisSeen(two, seconds=1).seen(7)
        assert not RedisSeen(two, prefix="other:").seen(7)
        assert 0 < one.ttl("trunkline:seen:7") <= 7 * 86400


def test_in_a_cache_of_django(tmp_path):
    configured_django()
    from django.core.cache.backends.filebased import FileBasedCache

    check(DjangoSeen(FileBasedCache(str(tmp_path), {})))
    assert DjangoSeen(FileBasedCache(str(tmp_path), {})).seen(7)
    check(DjangoSeen())  # Django's default cache


@pytest.fixture
async def database_engine(empty_database_url: str) -> AsyncIterator[AsyncEngine]:
    url = empty_database_url.replace("postgresql://", "postgresql+asyncpg://").replace(
        "sqlite://", "sqlite+aiosqlite://"
    )
    engine = create_async_engine(url)
    yield engine
    await engine.dispose()


async def in_transaction(engine: AsyncEngine, do: Callable[[sqlalchemy.Connection], Any]) -> Any:
    async with engine.begin() as connection:
        return await connection.run_sync(do)


async def test_in_a_database_with_what_is_done(database_engine):
    await in_transaction(database_engine, lambda connection: SqlSeen(connection).create())
    await in_transaction(database_engine, lambda connection: check(SqlSeen(connection)))
    with pytest.raises(ZeroDivisionError):  # the note is rolled back with the work
        await in_transaction(database_engine, lambda connection: (SqlSeen(connection).seen(8), 1 / 0))
    assert await in_transaction(database_engine, lambda connection: 8 in SqlSeen(connection)) is False
    ids = await in_transaction(database_engine, lambda connection: SqlSeen(connection).ids(7, LARGE))
    assert ids == [LARGE - 1, LARGE]
    past = datetime.now(UTC) - timedelta(hours=1)
    await in_transaction(database_engine, lambda connection: SqlSeen(connection).clear(past))
    assert await in_transaction(database_engine, lambda connection: 7 in SqlSeen(connection))
    await in_transaction(database_engine, lambda connection: SqlSeen(connection).clear(datetime.now(UTC)))
    assert not await in_transaction(database_engine, lambda connection: 7 in SqlSeen(connection))


def test_in_a_session_and_by_an_engine(tmp_path):
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/own.db")
    seen = SqlSeen(engine)
    seen.create()
    check(seen)
    with Session(engine) as session:
        assert not seen.within(session).seen(9)
        assert seen.within(session).seen(9)
        session.rollback()
    assert 9 not in seen
    with Session(engine) as session, session.begin():
        assert not seen.within(session).seen(9)
    assert 9 in seen
    engine.dispose()
