"""A store of handled events in your own database, by SQLAlchemy: it writes in the transaction in which you handle the event.

::

    seen = SqlSeen(engine)

    with Session(engine) as session, session.begin():
        if not seen.within(session).seen(event.id):
            session.add(...)  # committed with the note, or neither is: the event has its effect once

Needs ``trunkline-client[sqlalchemy]``. With an ``AsyncSession``: ``await session.run_sync(lambda s: seen.within(s).seen(id))``.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Insert,
    Integer,
    MetaData,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from collections.abc import Iterable


def seen_table(metadata: MetaData, name: str = "trunkline_seen") -> Table:
    """Declare the table in *metadata*. Alembic compares *metadata* with your database, so migrations make the table."""
    return Table(
        name,
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
        Column("seen_utc", DateTime(timezone=True), nullable=False),
    )


class SqlSeen:
    """Ids in a table of your database.

    ``verify_complete`` reads the ids by ``ids``, and compares them with the hub's ids.
    """

    def __init__(self, bind: Engine | Connection | Session, table: Table | None = None) -> None:
        self._bind = bind
        self._table = seen_table(MetaData()) if table is None else table

    def within(self, transaction: Connection | Session) -> SqlSeen:
        """Return a store of the same ids that uses your *transaction*: ids are committed with the transaction."""
        return SqlSeen(transaction, self._table)

    def create(self) -> None:
        """Make the table if it is missing."""
        with self._connection() as connection:
            self._table.create(connection, checkfirst=True)

    def __contains__(self, id: int) -> bool:
        with self._connection() as connection:
            return (
                connection.execute(select(self._table.c.id).where(self._table.c.id == id)).first() is not None
            )

    def seen(self, id: int) -> bool:
        """Store *id*; return True if it was already stored. Wait for another transaction that has just stored it."""
        with self._connection() as connection:
            noting = _unless_there(self._table, connection.dialect.name)
            row = {"id": id, "seen_utc": datetime.now(timezone.utc)}
            return connection.execute(noting.values(row)).rowcount == 0

    def ids(self, after: int, up_to: int) -> Iterable[int]:
        """Return the ids above *after*, up to and including *up_to*, in ascending order."""
        column = self._table.c.id
        among = select(column).where(column > after, column <= up_to).order_by(column)
        with self._connection() as connection:
            return list(connection.execute(among).scalars())

    def clear(self, before: datetime) -> None:
        """Remove the ids stored before *before*.

        Choose a time before which the hub no longer retries or replays events.
        """
        with self._connection() as connection:
            connection.execute(delete(self._table).where(self._table.c.seen_utc < before))

    def _connection(self) -> AbstractContextManager[Connection]:
        if isinstance(self._bind, Engine):
            return self._bind.begin()
        return nullcontext(self._bind.connection() if isinstance(self._bind, Session) else self._bind)


def _unless_there(table: Table, dialect: str) -> Insert:
    """Return an insert that does nothing if the id exists.

    A savepoint would not work: SQLite's driver mistakes it for a transaction.
    """
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    if dialect in {"mysql", "mariadb"}:
        return insert(table).prefix_with("IGNORE")
    msg = f"SqlSeen works with PostgreSQL, SQLite, MySQL and MariaDB, not with {dialect}"
    raise NotImplementedError(msg)
