"""API keys as rows, and the lookup of keys by digest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import LargeBinary, TextClause, bindparam

from trunkline.model.principals import show_maker
from trunkline.model.times import utc_or_none
from trunkline.runtime import callers
from trunkline.store import audit_log, clock, dialects, operational, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.dialects import Dialect
from trunkline.store.operational import News
from trunkline.store.sql import text

TOUCH_AFTER_MS = 5 * 60 * 1000
"""Minimum time between two updates of a key's time of last use, so that most calls write nothing."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A stored key. *company_id* is None for an operator's key; *last4* are the last characters of its secret.

    *pins* are the versions of event types that the key reads (``schemas.versions.Pins``). The key expires at *expires_ms*. If
    *networks* is not empty, the key may only be used from these networks. *created_by* is the id of its maker.
    """

    id: str
    company_id: int | None
    name: str
    scopes: tuple[str, ...]
    last4: str
    created_ms: int
    last_used_ms: int | None = None
    revoked_ms: int | None = None
    pins: Mapping[str, int] = field(default_factory=dict[str, int])
    expires_ms: int | None = None
    networks: tuple[str, ...] = ()
    created_by: str | None = None
    created_by_kind: str | None = None


_FIELDS = [each.name for each in fields(KeyRecord)]
COLUMNS = ", ".join(_FIELDS)


@dataclass(frozen=True, slots=True)
class ValidKey:
    """A key that was found by its digest. *untouched* says that the key's time of last use must be updated.

    *pepper* names the pepper of the digest; None if it is not known. *companies_version* is the current value of the
    counter of company changes (``store.directory``).
    """

    digest: bytes = field(repr=False)
    record: KeyRecord
    untouched: bool
    pepper: str | None = None
    companies_version: int = 0


async def insert(
    connection: Connection,
    record: KeyRecord,
    *,
    digest: bytes,
    pepper: str | None = None,
    replaces: KeyRecord | None = None,
) -> None:
    """Store a new key, whose *digest* was made with *pepper*. *replaces* is the key that it replaces, if any."""
    values = asdict(record) | {
        "company_id": record.company_id or operational.OPERATORS,
        "scopes": orjson.dumps(record.scopes).decode(),
        "pins": sql.json_or_none(record.pins),
        "networks": orjson.dumps(record.networks).decode() if record.networks else None,
        "digest": digest,
        "pepper": pepper,
    }
    await connection.execute(tables.api_keys.insert().values(values))
    if replaces is None:
        await _tell(connection, "key.created", record)
    else:
        await _tell(connection, "key.rotated", replaces, successor=describe(record))


async def _tell(connection: Connection, event_type: str, record: KeyRecord, **more: Any) -> None:
    """Report a change of a key, with the author of the change, in an operational event and in the audit log."""
    values = describe(record) | {"networks": list(record.networks)}
    is_new, is_over = event_type == "key.created", event_type == "key.revoked"
    audit_log.note(
        event_type,
        record.id,
        company_id=record.company_id or operational.OPERATORS,
        before=None if is_new else values,
        after=None if is_over else more.get("successor", values),
    )
    caller = callers.principal()
    by = None if caller is None else show_maker(caller.kind, caller.id)
    facts = {"key": describe(record), **more, "by": by}
    await operational.tell(connection, [News(event_type, record.company_id or operational.OPERATORS, facts)])


def describe(record: KeyRecord) -> dict[str, Any]:
    """Describe a key for the payload of an operational event."""
    return {
        "id": record.id,
        "name": record.name,
        "last4": record.last4,
        "scopes": list(record.scopes),
        "expires_utc": utc_or_none(record.expires_ms),
    }


async def find_valid(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, ValidKey]:
    """Look up the valid keys with *digests*."""
    statement = _find_statement(dialects.of_connection(connection))
    rows = await connection.execute(statement, {"digests": list(digests)})
    return {key.digest: key for key in map(_valid, rows)}


async def find_valid_by_id(connection: Connection, key_id: str) -> ValidKey | None:
    """Find a valid key by its id; None if there is none."""
    statement = text(f"{_select_valid(dialects.of_connection(connection))} AND id = :id")
    row = (await connection.execute(statement, {"id": key_id})).first()
    return _valid(row) if row else None


@lru_cache
def _find_statement(dialect: Dialect) -> TextClause:
    """Return the statement that looks up a request's key. The statement is cached, because building it takes 25 µs."""
    is_among_them, digests = dialect.one_of("digest", "digests", LargeBinary)
    return text(f"{_select_valid(dialect)} AND {is_among_them}").bindparams(digests)


def _select_valid(dialect: Dialect) -> str:
    before = f"{dialect.now_ms} - {TOUCH_AFTER_MS}"
    return (
        f"SELECT digest, last_used_ms IS NULL OR last_used_ms < {before}, pepper, "
        f"(SELECT companies_version FROM stream_head WHERE id = 1), {COLUMNS} "
        f"FROM api_keys WHERE {_is_valid(dialect.now_ms)}"
    )


def is_fresh(now_ms: str) -> str:
    """Return the SQL condition that a key is valid, and that its time of last use need not be written again."""
    return f"{_is_valid(now_ms)} AND last_used_ms >= {now_ms} - {TOUCH_AFTER_MS}"


def _is_valid(now_ms: str) -> str:
    return f"revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > {now_ms})"


async def list_keys(connection: Connection, company_id: int | None) -> list[KeyRecord]:
    """List the keys of one company, or all keys if *company_id* is None; oldest first, including revoked keys."""
    where = "" if company_id is None else "WHERE company_id = :company"
    statement = text(f"SELECT {COLUMNS} FROM api_keys {where} ORDER BY created_ms, id")
    rows = await connection.execute(statement, {"company": company_id})
    return [read_record(row) for row in rows]


async def revoke(connection: Connection, key_id: str, *, company_id: int | None) -> bool:
    """Revoke a key permanently; None as *company_id* means any company. Returns False if there is no such key."""
    where = "" if company_id is None else "AND company_id = :company"
    statement = text(f"SELECT {COLUMNS} FROM api_keys WHERE id = :id {where} {sql.for_update(connection)}")
    row = (await connection.execute(statement, {"id": key_id, "company": company_id})).first()
    if row is not None and (record := read_record(row)).revoked_ms is None:
        statement = text(f"UPDATE api_keys SET revoked_ms = {sql.now_ms(connection)} WHERE id = :id")
        await connection.execute(statement, {"id": key_id})
        await _tell(connection, "key.revoked", record)
    return row is not None


async def revoke_made_by(connection: Connection, maker_id: str, *, company_id: int) -> int:
    """Revoke the keys that *maker_id* made for a company. Returns how many of them were valid."""
    statement = text(
        f"UPDATE api_keys SET revoked_ms = {sql.now_ms(connection)} "
        f"WHERE company_id = :company AND created_by = :maker AND {_is_valid(sql.now_ms(connection))} RETURNING {COLUMNS}"
    )
    rows = await connection.execute(statement, {"company": company_id, "maker": maker_id})
    revoked = [read_record(row) for row in rows]
    for record in revoked:
        await _tell(connection, "key.revoked", record)
    return len(revoked)


async def take_valid(connection: Connection, key_id: str, *, company_id: int | None) -> KeyRecord | None:
    """Lock and read a valid key; None if there is no such key. None as *company_id* means any company."""
    where = "" if company_id is None else "AND company_id = :company"
    statement = text(
        f"SELECT {COLUMNS} FROM api_keys WHERE id = :id {where} AND {_is_valid(sql.now_ms(connection))} "
        f"{sql.for_update(connection)}"
    )
    row = (await connection.execute(statement, {"id": key_id, "company": company_id})).first()
    return read_record(row) if row else None


async def end_by(connection: Connection, key_id: str, *, at_ms: int) -> None:
    """Make a key expire at *at_ms*, unless it expires earlier."""
    statement = text(
        "UPDATE api_keys SET expires_ms = :at WHERE id = :id AND (expires_ms IS NULL OR expires_ms > :at)"
    )
    await connection.execute(statement, {"id": key_id, "at": at_ms})


async def touch(connection: Connection, key_ids: Sequence[str]) -> None:
    """Set the time of last use of the keys *key_ids* to now, except where that time is less than five minutes old."""
    now = sql.now_ms(connection)
    statement = text(
        f"UPDATE api_keys SET last_used_ms = {now} "
        f"WHERE id IN :ids AND (last_used_ms IS NULL OR last_used_ms < {now} - {TOUCH_AFTER_MS})"
    ).bindparams(bindparam("ids", expanding=True))
    await connection.execute(statement, {"ids": sorted(key_ids)})


def _valid(row: Sequence[Any]) -> ValidKey:
    return ValidKey(bytes(row[0]), read_record(row[4:]), bool(row[1]), row[2], row[3])


def read_record(row: Sequence[Any]) -> KeyRecord:
    """Read a row of ``COLUMNS``."""
    values = dict(zip(_FIELDS, row, strict=True))
    values["company_id"] = values["company_id"] or None
    values["scopes"] = tuple(orjson.loads(values["scopes"]))
    values["pins"] = sql.pins_of(values["pins"])
    values["networks"] = tuple(orjson.loads(values["networks"] or "[]"))
    return KeyRecord(**values)


async def count_made(connection: Connection, company_id: int, *, within_ms: int) -> int:
    """Count the keys of a company that were made within the last *within_ms*, including revoked and expired keys."""
    statement = text(
        "SELECT count(*) FROM api_keys WHERE company_id = :company "
        f"AND created_ms > {sql.now_ms(connection)} - :within"
    )
    parameters = {"company": company_id, "within": within_ms}
    return int((await connection.execute(statement, parameters)).scalar_one())


async def forget_ended(connection: Connection, company_id: int, *, but: int) -> None:
    """Remove a company's revoked and expired keys but the newest *but*; expired ones only while the clock is trusted."""
    has_expired = f"expires_ms <= {sql.now_ms(connection)} AND {clock.IS_TRUSTED}"
    ended = f"company_id = :company AND (revoked_ms IS NOT NULL OR {has_expired})"
    statement = text(
        f"DELETE FROM api_keys WHERE {ended} AND id NOT IN "
        f"(SELECT id FROM api_keys WHERE {ended} ORDER BY created_ms DESC, id LIMIT :but)"
    )
    await connection.execute(statement, {"company": company_id, "but": but})


async def count_valid(connection: Connection, company_id: int) -> int:
    """Count the valid keys of a company."""
    is_valid = _is_valid(sql.now_ms(connection))
    statement = text(f"SELECT count(*) FROM api_keys WHERE company_id = :company AND {is_valid}")
    return int((await connection.execute(statement, {"company": company_id})).scalar_one())
