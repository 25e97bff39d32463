"""A database that a plugin's migrations are tried on: upgrades, downgrades, snapshots of its tables, and sample rows."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from sqlalchemy import MetaData, func, select

from trunkline.store import migrate, revisions, upgrading
from trunkline.store.engines import EngineDatabase
from trunkline_kit.checks import CheckFailed, NotApplicable, fail
from trunkline_kit.databases import ENGINES, SHARDS, Databases, Engine

Snapshot = dict[str, Any]
_VALUES: Sequence[tuple[type[Any], object]] = (
    (sqlalchemy.Boolean, True),
    (sqlalchemy.Integer, 1),
    (sqlalchemy.Numeric, 1),
    (sqlalchemy.LargeBinary, b"1"),
    (sqlalchemy.DateTime, dt.datetime(2026, 1, 28, 10, 30)),  # noqa: DTZ001 - columns without a zone take no other
    (sqlalchemy.Date, dt.date(2026, 1, 28)),
    (sqlalchemy.JSON, {}),
    (sqlalchemy.Uuid, uuid.UUID(int=1)),
    (sqlalchemy.String, "1"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One database, with the histories of a plugin."""

    engine: Engine
    url: str
    database: EngineDatabase
    plugin: str
    histories: Sequence[migrate.History]

    @property
    def history(self) -> migrate.History:
        """The plugin's history."""
        return self.histories[0]

    def is_own(self, table: str) -> bool:
        """Return whether *table* carries the plugin's name."""
        return table.startswith(f"{self.plugin}_")

    async def core_up(self) -> None:
        """Apply the core's history."""
        await migrate.upgrade(self.database, shards=SHARDS)

    async def up(self, revision: str = "head") -> None:
        """Apply the core's history and the plugin's, up to *revision*."""
        with self.explained(f"going up to {revision}"):
            if revision == "head":
                await migrate.upgrade(self.database, self.histories, shards=SHARDS)
                return
            await self.core_up()
            await self._run(command.upgrade, revision)

    async def down(self, revision: str = "base") -> None:
        """Downgrade the plugin's history to *revision*."""
        with self.explained(f"going down to {revision}"):
            await self._run(command.downgrade, revision)

    async def _run(self, step: Callable[..., None], revision: str) -> None:
        history = self.history

        def work(connection: sqlalchemy.Connection) -> None:
            step(upgrading.config(connection, history), revision)

        async with self.database.write() as connection:
            await connection.run_sync(work)

    @contextlib.contextmanager
    def explained(self, what: str) -> Generator[None]:
        """Turn an exception in the block into a failed check; *what* names the step in the check's message."""
        try:
            yield
        except (CheckFailed, NotApplicable):
            raise
        except Exception as error:  # noqa: BLE001 - a migration may raise anything
            line = str(error).strip().splitlines()[0] if str(error).strip() else ""
            fail(f"on {self.engine}, {what} fails with {type(error).__name__}: {line}")

    async def tables(self) -> set[str]:
        """Return the names of all tables."""
        async with self.database.engine.connect() as connection:
            return await connection.run_sync(lambda sync: set(sqlalchemy.inspect(sync).get_table_names()))

    async def snapshot(self, *, own: bool) -> Snapshot:
        """Describe tables as comparable values: the plugin's tables if *own* is true, otherwise all other tables."""
        async with self.database.engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: _snapshot(sync, lambda name: self.is_own(name) == own)
            )

    async def rows(self) -> dict[str, int]:
        """Count the rows of the plugin's tables."""

        def count(connection: sqlalchemy.Connection) -> dict[str, int]:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in _reflected(connection, self.is_own).sorted_tables
            }

        async with self.database.engine.connect() as connection:
            return await connection.run_sync(count)

    async def fill(self) -> None:
        """Put a row into each empty table of the plugin, with values that fit the columns' types."""

        def fill(connection: sqlalchemy.Connection) -> None:
            for table in _reflected(connection, self.is_own).sorted_tables:
                if connection.execute(select(table).limit(1)).first() is None:
                    connection.execute(table.insert().values(_made_up(connection, table)))

        with self.explained("putting a row into each table (override fill, and put in your own)"):
            async with self.database.write() as connection:
                await connection.run_sync(fill)


Verify = Callable[[Trial], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Trials:
    """Opens trials on both engines in turn."""

    databases: Databases
    folder: Path
    plugin: str
    histories: Sequence[migrate.History] = field(repr=False)

    @property
    def revisions(self) -> list[str]:
        """The plugin's revisions, oldest first."""
        return revisions.read(self.histories[0].folder)

    async def on_each(self, verify: Verify) -> None:
        """Call *verify* with an empty database on each engine. Raises PostgresMissing."""
        for engine in ENGINES:
            await self.on_one(engine, verify)

    async def on_one(self, engine: Engine, verify: Verify) -> None:
        """Call *verify* with an empty database on *engine*."""
        async with contextlib.AsyncExitStack() as stack:
            url = await self.databases.empty(engine, folder=self.folder, stack=stack)
            database = await stack.enter_async_context(EngineDatabase(url))
            await verify(Trial(engine, url, database, self.plugin, self.histories))


def _reflected(connection: sqlalchemy.Connection, is_meant: Callable[[str], bool]) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: is_meant(name))
    return metadata


def _snapshot(connection: sqlalchemy.Connection, is_meant: Callable[[str], bool]) -> Snapshot:
    inspector = sqlalchemy.inspect(connection)
    return {
        name: {
            "columns": {
                row["name"]: (str(row["type"]), row["nullable"]) for row in inspector.get_columns(name)
            },
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "indexes": sorted(
                (str(row["name"]), str(row["column_names"]), bool(row["unique"]))
                for row in inspector.get_indexes(name)
            ),
            "references": sorted(
                (str(row["constrained_columns"]), row["referred_table"])
                for row in inspector.get_foreign_keys(name)
            ),
        }
        for name in sorted(inspector.get_table_names())
        if is_meant(name)
    }


def _made_up(connection: sqlalchemy.Connection, table: sqlalchemy.Table) -> dict[str, object]:
    values: dict[str, object] = {}
    for column in table.columns:
        if column.identity is not None or column.server_default is not None:
            continue
        if column.foreign_keys:
            (reference, *_) = column.foreign_keys
            values[column.name] = connection.execute(select(reference.column).limit(1)).scalar()
        elif not column.nullable:
            values[column.name] = next(
                (value for kind, value in _VALUES if isinstance(column.type, kind)), "1"
            )
    return values
