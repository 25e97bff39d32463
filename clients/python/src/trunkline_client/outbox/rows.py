"""The SQL of the relay: taking a batch of rows, and settling it. Each transaction holds the one row of ``trunkline_relay``."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, MetaData, create_engine, delete, insert, select, text, update
from sqlalchemy.engine import URL, make_url

from trunkline_client.outbox.tables import add_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

MAX_BYTES = 4 * 1024 * 1024
"""A batch ends with the row that reaches this size; the hub's limit is 16 MiB."""
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
_BLOCKING = {"psycopg", "psycopg2", "pymysql", "mysqldb", "pysqlite"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are sent to the hub in one call with the idempotency key *key*, first at *sent_ms* (Unix time)."""

    key: str
    sent_ms: int
    ids: Sequence[int]
    events: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a batch: the hub stored all of it or none of it.

    *refused* has the reasons for refusals by row id.
    """

    batch: Batch
    is_stored: bool = True
    refused: Mapping[int, str] = field(default_factory=dict[int, str])


class Rows:
    """Reads and settles the rows of an outbox as one of the relays that share it.

    A relay holds the lease while it has a batch in flight. Another relay takes the lease over if the holder has not
    renewed it for *lease_seconds*. Clocks of several machines are not compared: a waiting relay measures, by its own
    clock, how long the row of ``trunkline_relay`` has not changed.
    """

    def __init__(self, engine: Engine, *, lease_seconds: float) -> None:
        self._engine = engine
        if engine.dialect.name != "sqlite":  # do not see rows that another relay has just removed
            self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._outbox, self._relay = add_tables(MetaData())
        self._lease_seconds = lease_seconds
        self._me = secrets.token_urlsafe(18)
        self._other: tuple[str, int] | None = None
        self._other_since = 0.0

    def is_empty(self) -> bool:
        """True if there are no rows to send."""
        waiting = select(self._outbox.c.id).where(self._outbox.c.refused.is_(None)).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(waiting).first() is None

    def turn(self, outcome: Outcome | None, *, limit: int) -> Batch | None:
        """Settle the batch of *outcome*, and return the next batch, in one transaction.

        Return None if there is no next batch, or if another relay has the lease. A batch that is already in flight,
        perhaps from a relay that has died, comes first, with the same rows and key.
        """
        relay, outbox = self._relay.c, self._outbox.c
        with self._engine.begin() as connection:
            if not self._hold(connection):
                return None
            key, sent_ms, row_ids = connection.execute(
                select(relay.batch, relay.sent_ms, relay.row_ids)
            ).one()
            wanted = select(outbox.id, outbox.event).order_by(outbox.id)
            if key is not None and not (outcome and key == outcome.batch.key):
                rows = connection.execute(wanted.where(_among(json.loads(row_ids)))).all()
                if rows:
                    return Batch(key, sent_ms, [row.id for row in rows], [row.event for row in rows])
            elif key is not None and outcome:
                self._settle(connection, outcome)
            found = connection.execute(wanted.where(outbox.refused.is_(None)).limit(limit)).all()
            if not found:
                empty = {"holder": None, "batch": None, "row_ids": None}
                connection.execute(update(self._relay).values(empty))
                return None
            size, events = 0, []
            for row in found:
                events.append(row.event)
                size += len(row.event)
                if size > MAX_BYTES:
                    break
            ids = [row.id for row in found[: len(events)]]
            batch = Batch(secrets.token_urlsafe(18), time.time_ns() // 1_000_000, ids, events)
            taken = {"batch": batch.key, "sent_ms": batch.sent_ms, "row_ids": json.dumps(ids)}
            connection.execute(update(self._relay).values(taken))
            return batch

    def sent_again(self, batch: Batch) -> None:
        """Store the current time as the time at which *batch* was first sent."""
        mine = update(self._relay).where(self._relay.c.batch == batch.key)
        with self._engine.begin() as connection:
            connection.execute(mine.values(sent_ms=time.time_ns() // 1_000_000))

    def let_go(self) -> None:
        """Give up the lease, so that another relay can continue at once."""
        mine = update(self._relay).where(self._relay.c.holder == self._me)
        with self._engine.begin() as connection:
            connection.execute(mine.values(holder=None))

    def _settle(self, connection: Connection, outcome: Outcome) -> None:
        outbox = self._outbox.c
        for row_id, reason in outcome.refused.items():
            aside = update(self._outbox).where(outbox.id == row_id)
            connection.execute(aside.values(refused=reason[:10_000]))
        if outcome.is_stored:
            connection.execute(delete(self._outbox).where(_among(outcome.batch.ids)))

    def _hold(self, connection: Connection) -> bool:
        """Take or renew the lease; return False if another relay has it."""
        relay = self._relay.c
        mine = update(self._relay).values(holder=self._me, beat=relay.beat + 1)
        free = mine.where(relay.holder.is_(None) | (relay.holder == self._me))
        if connection.execute(free).rowcount:
            self._other = None
            return True
        held = connection.execute(select(relay.holder, relay.beat)).first()
        if held is None:
            connection.execute(insert(self._relay).values(id=1, holder=self._me, beat=0))
            return True
        other = (held.holder, held.beat)
        if other != self._other:
            self._other, self._other_since = other, time.monotonic()
            return False
        if time.monotonic() - self._other_since < self._lease_seconds:
            return False
        lapsed = mine.where(relay.holder == held.holder, relay.beat == held.beat)
        return bool(connection.execute(lapsed).rowcount)


def _among(row_ids: Sequence[int]) -> TextClause:
    """Return a condition on row ids.

    They are written as numbers, because a thousand parameters take five times as long.
    """
    return text(f"id IN ({','.join(map(str, map(int, row_ids)))})")


def blocking_engine(given: Engine | AsyncEngine | URL | str) -> Engine:
    """Return *given* if it is a blocking engine; otherwise a blocking engine for the same database."""
    if isinstance(given, Engine):
        return given
    url = make_url(given) if isinstance(given, (str, URL)) else given.url
    driver = url.drivername.partition("+")[2]
    if driver not in _BLOCKING:
        backend = url.get_backend_name()
        url = url.set(drivername=_DRIVERS.get(backend, backend))
    return create_engine(url, pool_pre_ping=True)
