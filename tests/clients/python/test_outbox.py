"""Emitting: an event is in the outbox if and only if the transaction is committed, with any library."""

import contextlib
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker
from tests.programs import output_of

from trunkline_client.outbox import EventInvalid, Outbox
from trunkline_client.outbox.rows import blocking_engine

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "schemas/trunkline_schemas/events"
PAYMENT = json.loads((SCHEMAS / "payment.succeeded.json").read_text(), parse_float=Decimal)["examples"][0]
OUTBOX = Outbox(schemas=SCHEMAS)


def rows(engine: Engine) -> list[tuple[str, dict[str, Any]]]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT event_key, event FROM trunkline_outbox ORDER BY id"))
        return [(row[0], json.loads(row[1])) for row in found]


@contextlib.contextmanager
def blocking(kind: str, engine: Engine) -> Iterator[Any]:
    """Open a session or connection of *kind* with a transaction; leaving the block closes it."""
    if kind == "session":
        with Session(engine) as session:
            yield session
    elif kind == "scoped":
        scoped = scoped_session(sessionmaker(engine))
        yield scoped
        scoped.remove()
    elif kind == "connection":
        with engine.connect() as connection:
            yield connection
    elif engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(str(engine.url.database))) as connection:
            yield connection
    else:
        given = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with contextlib.closing(psycopg.connect(given)) as connection:
            yield connection


@pytest.mark.parametrize("kind", ["session", "scoped", "connection", "driver"])
def test_an_event_is_written_with_the_transaction_or_not_at_all(kind, product):
    with blocking(kind, product) as session:
        OUTBOX.emit(session, "payment.succeeded", PAYMENT)
        session.rollback()
        key = OUTBOX.emit(session, "payment.succeeded", PAYMENT, company="acme", key="mine")
        assert key == "mine"
        made = OUTBOX.emit(session, "payment.succeeded", PAYMENT)
        assert rows(product) == []
        session.commit()
    (first, event), (second, other) = rows(product)
    assert (first, second) == ("mine", made)
    assert event["companyId"] == "acme"
    assert event["metadata"] == {"outbox_key": "mine"}
    assert "companyId" not in other


@contextlib.asynccontextmanager
async def asynchronous(kind: str, engine: Engine) -> AsyncIterator[Any]:
    url = engine.url
    driver = "sqlite+aiosqlite" if engine.dialect.name == "sqlite" else "postgresql+asyncpg"
    given = url.set(drivername="postgresql").render_as_string(hide_password=False)
    if kind == "asyncpg":
        connection = await asyncpg.connect(given)
        yield connection
        await connection.close()
    elif kind == "psycopg":
        async with await psycopg.AsyncConnection.connect(given) as connection:
            yield connection
    else:
        made = create_async_engine(url.set(drivername=driver))
        async with AsyncSession(made) if kind == "session" else AsyncConnection(made) as session:
            yield session
        await made.dispose()


@pytest.mark.parametrize("content", ['{"type": "a problem"', '{"type": "urn:trunkline:problem:not-found"}'])
def test_a_file_that_is_no_schema_is_named(content, tmp_path):
    (tmp_path / "payment.succeeded.json").write_text(content)
    with pytest.raises(ValueError, match=r"payment\.succeeded.* is no JSON"):
        Outbox(schemas=tmp_path).emit(None, "payment.succeeded", PAYMENT)


def test_an_engine_is_no_session(product):
    with pytest.raises(TypeError, match="takes a session or a connection"):
        OUTBOX.emit(product, "payment.succeeded", PAYMENT)


@pytest.mark.parametrize("kind", ["session", "connection", "psycopg", "asyncpg"])
async def test_with_asyncio_an_event_is_written_with_the_transaction_or_not_at_all(kind, product):
    if product.dialect.name == "sqlite" and kind in {"psycopg", "asyncpg"}:
        return
    async with asynchronous(kind, product) as session:
        if kind == "asyncpg":
            with contextlib.suppress(ZeroDivisionError):
                async with session.transaction():
                    await OUTBOX.emit(session, "payment.succeeded", PAYMENT)
                    raise ZeroDivisionError
            async with session.transaction():
                await OUTBOX.emit(session, "payment.succeeded", PAYMENT, key="mine")
                assert rows(product) == []
        else:
            await OUTBOX.emit(session, "payment.succeeded", PAYMENT)
            await session.rollback()
            assert await OUTBOX.emit(session, "payment.succeeded", PAYMENT, key="mine") == "mine"
            assert rows(product) == []
            await session.commit()
    assert [key for key, _ in rows(product)] == ["mine"]


def test_the_tables_are_in_your_metadata_and_numbers_keep_their_digits(tmp_path):
    class Base(DeclarativeBase):
        metadata = MetaData()

    class Order(Base):
        __tablename__ = "orders"
        id: Mapped[int] = mapped_column(primary_key=True)

    outbox = Outbox(Base.metadata)
    engine = create_engine(f"sqlite:///{tmp_path / 'product.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Order(id=1))
        outbox.emit(session, "order.placed", {"amount": Decimal("99.00")})
        outbox.emit(session, "order.placed", {"amount": Decimal("1e2")}, key="twice")
    with engine.connect() as connection:
        first = connection.execute(text("SELECT event FROM trunkline_outbox ORDER BY id")).scalars().first()
    assert first is not None
    assert '"payload":{"amount":99.00}' in first
    with pytest.raises(IntegrityError), Session(engine) as session, session.begin():
        outbox.emit(session, "order.placed", {}, key="twice")
    engine.dispose()


IN_DJANGO = """
import contextlib, json, sys
import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from sqlalchemy.engine import make_url
url = make_url(sys.argv[1])
is_file = url.get_backend_name() == "sqlite"
where = {"NAME": url.database} if is_file else {"NAME": url.database, "HOST": url.query["host"], "USER": url.username}
engine = f"django.db.backends.{'sqlite3' if is_file else 'postgresql'}"
apps = ["trunkline_client.outbox"]
settings.configure(DATABASES={"default": {"ENGINE": engine, **where}}, INSTALLED_APPS=apps, USE_TZ=True)
django.setup()
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
from trunkline_client.outbox import Outbox
outbox = Outbox()
with contextlib.suppress(ZeroDivisionError), transaction.atomic():
    outbox.emit(connection, "order.placed", {"id": 1})
    1 / 0
with transaction.atomic():
    outbox.emit(connection, "order.placed", {"id": 2})
from trunkline_client.outbox.django_urls import url_of
print(url_of(connection).render_as_string(hide_password=False))
"""


@pytest.mark.slow
def test_in_django_an_event_is_written_with_the_transaction_or_not_at_all(empty_database_url):
    engine = blocking_engine(output_of(sys.executable, "-c", IN_DJANGO, empty_database_url).strip())
    assert [event["payload"] for _, event in rows(engine)] == [{"id": 2}]
    engine.dispose()


def test_alembic_finds_the_tables_and_makes_them(product):
    metadata = MetaData()
    Outbox(metadata)
    with product.connect() as connection:
        migration = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        assert compare_metadata(migration, metadata) == []
        metadata.drop_all(connection)
        added = [
            change[1].name for change in compare_metadata(migration, metadata) if change[0] == "add_table"
        ]
    assert added == ["trunkline_outbox", "trunkline_relay"]


@pytest.mark.parametrize(
    ("type", "changed", "path"),
    [
        ("payment.lost", {}, "/type"),
        ("payment.succeeded", {"date_paid": "yesterday"}, "/date_paid"),
        ("payment.succeeded", {"extra": 1}, ""),
    ],
)
def test_an_event_that_breaks_its_schema_is_not_emitted(type, changed, path):
    with pytest.raises(EventInvalid) as raised:
        OUTBOX.emit(None, type, PAYMENT | changed)
    assert raised.value.errors[0][0] == path


def test_metadata_and_an_earlier_version_are_emitted(product):
    outbox = Outbox(schemas={"a.b": {"required": ["new"]}, "a.b@1": {"required": ["old"]}})
    with product.begin() as connection:
        outbox.emit(
            connection, "a.b", {"old": 1}, version=1, metadata={"user_id": 7, "outbox_key": "x"}, key="k"
        )
        with pytest.raises(EventInvalid):
            outbox.emit(connection, "a.b", {"old": 1}, version=2)
    ((_, event),) = rows(product)
    assert (event["version"], event["metadata"]) == (1, {"user_id": 7, "outbox_key": "k"})


def test_an_empty_folder_of_schemas_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"shipment\.delivered\.json"):
        Outbox(schemas=tmp_path)
