"""Subscriptions as rows. Their secrets are encrypted here; callers decide who may see a row.

Every change takes the next routing version in its transaction, so that dispatchers load only changed rows. Locks are always
taken in this order, to avoid deadlocks: rows of subscriptions by number, the routing version, the head of the log, deliveries.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy
from msgspec import Struct, structs

from trunkline.errors import StoreUnavailable
from trunkline.model.subscriptions import DISCONNECTED, ENDED, LAPSED
from trunkline.store import audit_log, dialects, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_table = tables.subscriptions
_IS_LIVE = text("status <> 'deleted'")
"""The condition of the index ``ix_subscriptions_live``, which excludes deleted rows; a company may have many of them."""
_BY_NUMBER = _table.select().where(_table.c.no == sqlalchemy.bindparam("no"))
_REACHED = [sqlalchemy.bindparam(name, type_=_table.c[name].type) for name in ("version", "no")]
_SOME = _table.select().limit(sqlalchemy.bindparam("at_once"))
_CHANGED = _SOME.where(
    sqlalchemy.tuple_(_table.c.version, _table.c.no) > sqlalchemy.tuple_(*_REACHED)
).order_by(_table.c.version, _table.c.no)
_NOT_DELETED = _SOME.where(_table.c.no > _REACHED[1], _IS_LIVE).order_by(_table.c.no)
_OVER = ", ".join(f"'{reason}'" for reason in sorted({*ENDED, DISCONNECTED}))
_AFTER_ALL = 2**63 - 1
"""A number above the numbers of all subscriptions."""


class Row(Struct, frozen=True):
    """One row of ``tables.subscriptions``."""

    no: int
    id: str
    company_id: int
    channel: str
    target_url: str
    event_types: str
    filter: str | None
    description: str | None
    signature: str
    sealed: bytes
    status: str
    disabled_reason: str | None
    disabled_ms: int | None
    start_position: int
    resume_position: int | None
    failures: int
    failing_since_ms: int | None
    failing_ms: int | None
    failed_ms: int | None
    created_ms: int
    updated_ms: int
    version: int
    pins: str | None
    options: Mapping[str, Any] = {}
    """The remaining columns by name, without nulls; no statement here reads them."""


_NAMED = len(structs.fields(Row)) - 1
_OPTIONS = [column.name for column in _table.columns][_NAMED:]


def read_row(row: Sequence[Any]) -> Row:
    """Read a row with all columns."""
    values = zip(_OPTIONS, row[_NAMED:], strict=True)
    columns: list[Any] = [*row[:_NAMED], {name: value for name, value in values if value is not None}]
    return Row(*columns)


async def next_version(connection: Connection) -> int:
    """Take the next routing version. Until this transaction ends, no other transaction can change subscriptions."""
    idling, waiting = (
        dialects.of_connection(connection).limit_idling,
        dialects.of_connection(connection).limit_waiting,
    )
    statement = text(
        f"UPDATE routing SET version = version + 1 WHERE id = 1 AND {waiting} RETURNING version, {idling}"
    )
    return int((await connection.execute(statement)).scalar_one())


async def lock_head(connection: Connection) -> tuple[int, int]:
    """Take the log's lock. Returns the newest position, and the database's time.

    While the lock is held, no event can be accepted. So a subscription that starts at this position gets exactly the
    later events.
    """
    statement = text(
        f"UPDATE stream_head SET position = position WHERE id = 1 AND {dialects.of_connection(connection).limit_waiting} "
        f"RETURNING position, {sql.now_ms(connection)}, {dialects.of_connection(connection).limit_idling}"
    )
    row = (await connection.execute(statement)).one()
    return row[0], row[1]


async def update(
    connection: Connection, no: int, changes: Mapping[str, Any], *, from_head: bool = False
) -> Row:
    """Change columns of the subscription *no*, which the caller has locked. *from_head* restarts it at the head of the log."""
    before = await by_number(connection, no)
    version = await next_version(connection)
    if from_head:
        head, _ = await lock_head(connection)
        changes = {**changes, "start_position": head}
    statement = (
        _table.update()
        .where(_table.c.no == no)
        .values(**changes, updated_ms=text(sql.now_ms(connection)), version=version)
        .returning(_table)
    )
    after = read_row((await connection.execute(statement)).one())
    action = "subscription.deleted" if after.status == "deleted" else "subscription.changed"
    audit_log.note(
        action, after.id, company_id=after.company_id, before=audited(before), after=audited(after)
    )
    return after


_UNAUDITED = frozenset(
    {"created_by", "created_by_kind", "failing_level", "told_ms", "gap_position", "expires_ms"}
)
"""Options that are not audited, because only the hub uses them, or because the subscription's holder renews them."""


def audited(row: Row) -> dict[str, Any]:
    """Return a subscription's values for the audit log.

    The values include the encrypted secrets only so that a change of secrets is detected; the audit log masks the
    secrets.
    """
    options = {name: value for name, value in row.options.items() if name not in _UNAUDITED}
    return {
        "channel": row.channel,
        "target_url": row.target_url,
        "event_types": orjson.loads(row.event_types),
        "filter": orjson.loads(row.filter) if row.filter else None,
        "description": row.description,
        "signature": row.signature,
        "status": str(row.status),
        "disabled_reason": row.disabled_reason,
        "pins": row.pins,
        "secrets": row.sealed,
        **options,
    }


async def get(connection: Connection, subscription_id: str, *, to_change: bool = False) -> Row | None:
    """Read a subscription by its public id; None if it was deleted. *to_change* locks its row."""
    statement = _table.select().where(_table.c.id == subscription_id, _table.c.status != "deleted")
    if to_change:
        statement = statement.with_for_update()  # SQLite has one writer, and SQLAlchemy leaves the clause out
    row = (await connection.execute(statement)).first()
    return read_row(row) if row else None


async def by_number(connection: Connection, no: int) -> Row:
    """Read the subscription *no*, even if it is deleted."""
    return read_row((await connection.execute(_BY_NUMBER, {"no": no})).one())


async def of_company(
    connection: Connection,
    company_id: int,
    *,
    channel: str | None = None,
    target_url: str | None = None,
    after: int = 0,
    at_once: int | None = None,
) -> list[Row]:
    """Read a company's subscriptions with numbers above *after*, oldest first; at most *at_once* of them, if given."""
    statement = _table.select().where(_table.c.company_id == company_id, _IS_LIVE, _table.c.no > after)
    if channel is not None:
        statement = statement.where(_table.c.channel == channel)
    if target_url is not None:
        statement = statement.where(_table.c.target_url == target_url)
    return [read_row(row) for row in await connection.execute(statement.order_by(_table.c.no).limit(at_once))]


async def made_by(connection: Connection, maker_id: str, *, company_id: int | None) -> list[Row]:
    """Lock the active and paused subscriptions that *maker_id* made for a company; None as *company_id* means any company."""
    made = _table.select().where(_table.c.created_by == maker_id, _table.c.status.in_(("active", "paused")))
    of = made if company_id is None else made.where(_table.c.company_id == company_id)
    return [read_row(row) for row in await connection.execute(of.order_by(_table.c.no).with_for_update())]


async def by_name(
    connection: Connection, company_id: int, *, channel: str, name: str, to_change: bool = False
) -> Row | None:
    """Read the company's subscription named *name*; None if there is none. *to_change* locks its row."""
    statement = _table.select().where(
        _table.c.company_id == company_id, _table.c.name == name, _table.c.channel == channel
    )
    if to_change:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).first()
    return read_row(row) if row else None


async def lapsed(connection: Connection, *, limit: int) -> list[int]:
    """Lock up to *limit* active subscriptions that have expired, except those that other transactions have locked."""
    locking = sql.for_update_skipping(connection)
    statement = text(
        "SELECT no FROM subscriptions WHERE expires_ms IS NOT NULL AND status = 'active' "
        f"AND expires_ms <= (SELECT {sql.now_ms(connection)}) ORDER BY no LIMIT :limit {locking}"
    )
    return [row[0] for row in await connection.execute(statement, {"limit": limit})]


async def first_expiry_ms(connection: Connection) -> int | None:
    """Return the time (Unix ms) at which the next active subscription expires; None if none of them expires."""
    statement = text(
        "SELECT min(expires_ms) FROM subscriptions WHERE expires_ms IS NOT NULL AND status = 'active'"
    )
    return (await connection.execute(statement)).scalar()


async def lapsed_of_company(connection: Connection, company_id: int, *, beyond: int) -> list[Row]:
    """Read a company's lapsed subscriptions, newest first; the newest *beyond* of them are skipped."""
    statement = _table.select().where(
        _table.c.company_id == company_id, _table.c.status == "disabled", _table.c.disabled_reason == LAPSED
    )
    rows = await connection.execute(statement.order_by(_table.c.no.desc()).offset(beyond))
    return [read_row(row) for row in rows]


async def filters_of_company(connection: Connection, company_id: int, *, but_no: int = 0) -> list[str]:
    """Read the filters of a company's subscriptions, as JSON, except the filter of subscription number *but_no*."""
    statement = sqlalchemy.select(_table.c.filter).where(
        _table.c.company_id == company_id, _IS_LIVE, _table.c.no != but_no, _table.c.filter.is_not(None)
    )
    return [row[0] for row in await connection.execute(statement)]


async def targets_of_companies(connection: Connection, company_ids: Sequence[int]) -> dict[int, list[str]]:
    """List the target URLs of subscriptions by company, without deleted ones and those that a holder renews."""
    is_among_them, companies = sql.one_of(connection, "company_id", "companies", sqlalchemy.BigInteger)
    statement = text(
        "SELECT DISTINCT company_id, target_url FROM subscriptions "
        f"WHERE {is_among_them} AND status <> 'deleted' AND name IS NULL"
    ).bindparams(companies)
    targets: dict[int, list[str]] = {}
    for company_id, url in await connection.execute(statement, {"companies": list(company_ids)}):
        targets.setdefault(company_id, []).append(url)
    return targets


async def https_targets(connection: Connection, *, limit: int) -> list[tuple[str, int]]:
    """List up to *limit* different https target URLs of active and paused subscriptions, each with its company."""
    statement = text(
        "SELECT DISTINCT target_url, company_id FROM subscriptions WHERE status IN ('active', 'paused') "
        "AND target_url LIKE 'https://%' ORDER BY target_url, company_id LIMIT :limit"
    )
    return [(row[0], row[1]) for row in await connection.execute(statement, {"limit": limit})]


async def lock_of_companies(connection: Connection, company_ids: Collection[int]) -> list[int]:
    """Lock the subscriptions of companies, except deleted ones. Returns the numbers of the locked subscriptions."""
    statement = (
        sqlalchemy.select(_table.c.no)
        .where(_table.c.company_id.in_(company_ids), _IS_LIVE)
        .order_by(_table.c.no)
        .with_for_update()
    )
    return [row[0] for row in await connection.execute(statement)]


async def mark_deleted(connection: Connection, numbers: Sequence[int]) -> None:
    """Mark the subscriptions with *numbers*, which the caller has locked, as deleted, and remove their sealed data."""
    version = await next_version(connection)
    now = text(sql.now_ms(connection))
    changes = {"status": "deleted", "sealed": b"", "version": version, "updated_ms": now}
    await connection.execute(_table.update().where(_table.c.no.in_(numbers)).values(changes))


async def changed_since(
    connection: Connection, version: int, *, at_once: int = 500
) -> AsyncIterator[list[Row]]:
    """Read the rows that changed after routing *version*, up to *at_once* at a time; from version 0, all that are not deleted.

    Changed rows are read by version; a row that changes meanwhile moves to the end, and is read again. From version 0,
    rows are read by number, because otherwise each page would sort all rows of one version. In this case, the caller
    must read the routing version first, and later read the changes since that version. Ten thousand rows at once would
    take 15 MB that the process does not release.
    """
    after = {"version": version, "no": _AFTER_ALL if version else 0, "at_once": at_once}
    while True:
        statement = _CHANGED if version else _NOT_DELETED
        rows = [read_row(row) for row in await connection.execute(statement, after)]
        if rows:
            yield rows
        if len(rows) < at_once:
            return
        after |= {"version": rows[-1].version, "no": rows[-1].no}


async def note_gap(connection: Connection, no: int, *, position: int) -> None:
    """If a holder renews the subscription *no*, note that it will not get the events it missed up to *position*."""
    is_held = sqlalchemy.and_(_table.c.no == no, _table.c.name.is_not(None))
    statement = sqlalchemy.select(_table.c.gap_position).where(is_held).with_for_update()
    row = (await connection.execute(statement)).first()
    if row is not None and (row[0] or 0) < position:
        await update(connection, no, {"gap_position": position})


async def forget_gap(connection: Connection, no: int, *, position: int) -> None:
    """Note that the gap of the subscription *no* up to *position* was reported to the subscription's holder."""
    is_that = sqlalchemy.and_(_table.c.no == no, _table.c.gap_position == position)
    statement = sqlalchemy.select(_table.c.no).where(is_that).with_for_update()
    if (await connection.execute(statement)).first() is not None:
        await update(connection, no, {"gap_position": None})


async def locked(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Read the status of the subscriptions with *numbers*, and prevent status changes until the transaction ends."""
    sharing = dialects.of_connection(connection).lock_rows("SHARE")
    source = sql.rows_source(connection, {"no": "bigint"})
    statement = text(
        f"SELECT no, status FROM subscriptions WHERE no IN (SELECT no FROM {source}) ORDER BY no {sharing}"
    )
    rows = await connection.execute(statement, {"rows": sql.rows_json([[no] for no in numbers])})
    return {row[0]: row[1] for row in rows}


async def named_types(connection: Connection, company_id: int) -> list[tuple[str, str, int]]:
    """Count a company's subscriptions and consumers, grouped by the event types that they name.

    Returns (kind, JSON of event types, count). Subscriptions that are paused, or disabled and resumable, count as well, because
    they get the events that they missed.
    """
    statement = text(
        "SELECT 'subscriptions' AS kind, event_types, count(*) FROM subscriptions WHERE company_id = :company "
        f"AND status <> 'deleted' AND COALESCE(disabled_reason, '') NOT IN ({_OVER}) GROUP BY event_types "
        "UNION ALL SELECT 'consumers', event_types, count(*) FROM consumers WHERE company_id = :company GROUP BY event_types"
    )
    return [(row[0], row[1], row[2]) for row in await connection.execute(statement, {"company": company_id})]


async def signed_by_ed25519(
    connection: Connection, company_id: int | None, subscription_id: str | None
) -> list[Row]:
    """Read the subscriptions that sign with ``ed25519``; None as *company_id* or *subscription_id* means any."""
    statement = _table.select().where(_IS_LIVE, _table.c.signature == "ed25519")
    if company_id is not None:
        statement = statement.where(_table.c.company_id == company_id)
    if subscription_id is not None:
        statement = statement.where(_table.c.id == subscription_id)
    return [read_row(row) for row in await connection.execute(statement.order_by(_table.c.no))]


async def give_defaults(
    connection: Connection, company_ids: Collection[int], defaults: Mapping[str, Any]
) -> None:
    """Write the default delivery settings into all subscriptions of the companies, so that loading these reads no other table.

    A new subscription gets them from ``new_subscriptions.insert``.

    Raises:
        StoreUnavailable: a subscription was created meanwhile, and would lack the settings.
    """
    numbers = await lock_of_companies(connection, company_ids)
    version = await next_version(connection)  # from here on nobody else creates a subscription
    others = sqlalchemy.select(_table.c.no).where(
        _table.c.company_id.in_(company_ids), _IS_LIVE, _table.c.no.not_in(numbers)
    )
    if (await connection.execute(others.limit(1))).first() is not None:
        msg = "a subscription of the company was made at the same moment"
        raise StoreUnavailable(msg)
    changes = {"defaults": dict(defaults) or None, "version": version}
    await connection.execute(_table.update().where(_table.c.no.in_(numbers)).values(changes))
