"""Check values, which show whether a process has the database's secrets; rows to encrypt again with new secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from trunkline.store import dialects, side_tables, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.sql import text

_LOCK = 7_236_455_009
"""Key of the lock that lets only one process replace secrets at a time."""


@dataclass(frozen=True, slots=True)
class SealedRow:
    """The column ``sealed`` of the subscription *no*. Its *id* is needed to decrypt it."""

    no: int
    id: str
    sealed: bytes = field(repr=False)
    is_deleted: bool = False


async def checks(connection: Connection) -> dict[str, bytes]:
    """Read the check values by name; empty if their table does not exist yet."""
    if not await sql.has_table(connection, side_tables.secret_checks.name):
        return {}
    rows = await connection.execute(text("SELECT name, value FROM secret_checks"))
    return {name: bytes(value) for name, value in rows}


async def insert_checks(connection: Connection, values: Mapping[str, bytes]) -> None:
    """Write the missing check values; existing ones are not changed."""
    for name, value in sorted(values.items()):
        statement = text(
            "INSERT INTO secret_checks (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING"
        )
        await connection.execute(statement, {"name": name, "value": value})


async def replace_check(connection: Connection, name: str, value: bytes) -> None:
    """Write or replace a check value."""
    statement = text(
        "INSERT INTO secret_checks (name, value) VALUES (:name, :value) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    )
    await connection.execute(statement, {"name": name, "value": value})


async def sealed_rows(connection: Connection, *, after: int = 0, limit: int) -> list[SealedRow]:
    """Read the sealed columns of subscriptions with numbers above *after*, in order; empty if the table does not exist yet."""
    if after == 0 and not await sql.has_table(connection, tables.subscriptions.name):
        return []
    statement = text(
        "SELECT no, id, sealed, status FROM subscriptions WHERE no > :after ORDER BY no LIMIT :limit"
    )
    rows = await connection.execute(statement, {"after": after, "limit": limit})
    return [SealedRow(row[0], row[1], bytes(row[2]), is_deleted=row[3] == "deleted") for row in rows]


async def reseal(connection: Connection, rows: Sequence[tuple[SealedRow, bytes]]) -> int:
    """Write new sealed bytes for *rows*, ordered by number, except rows that have changed since. Returns how many.

    The content is the same, so no dispatcher needs to read it again.
    """
    statement = text("UPDATE subscriptions SET sealed = :new WHERE no = :no AND sealed = :old")
    written = 0
    for row, new in rows:
        result = await connection.execute(statement, {"no": row.no, "old": row.sealed, "new": new})
        written += result.rowcount
    return written


async def name_peppers(connection: Connection, pepper: str) -> None:
    """Set *pepper* for the keys whose pepper is not known."""
    statement = text("UPDATE api_keys SET pepper = :pepper WHERE pepper IS NULL")
    await connection.execute(statement, {"pepper": pepper})


async def count_keys_by_pepper(connection: Connection) -> dict[str | None, int]:
    """Count the keys that are not revoked, by their pepper; None stands for an unknown pepper."""
    statement = text("SELECT pepper, count(*) FROM api_keys WHERE revoked_ms IS NULL GROUP BY pepper")
    rows = await connection.execute(statement)
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Redigest:
    """A key whose digest changes from *old* to *new*. The new digest was made with the pepper named *pepper*."""

    key_id: str
    old: bytes = field(repr=False)
    new: bytes = field(repr=False)
    pepper: str


async def redigest(connection: Connection, changes: Sequence[Redigest], *, check: bytes) -> None:
    """Write the new digests of *changes*, provided that *check* equals the database's check value of the pepper.

    So two processes do not undo each other's changes if the new pepper of each is the old pepper of the other.
    """
    statement = text(
        "UPDATE api_keys SET digest = :new, pepper = :pepper WHERE id = :key_id AND digest = :old "
        "AND EXISTS (SELECT 1 FROM secret_checks WHERE name = 'pepper' AND value = :check)"
    )
    for change in sorted(changes, key=lambda change: change.key_id):
        await connection.execute(statement, {**asdict(change), "check": check})


async def wait_for_turn(connection: Connection) -> None:
    """Wait until no other process replaces secrets, and prevent others from doing so until the transaction ends."""
    await dialects.of_connection(connection).wait_for_turn(connection, _LOCK)
    statement = text("SELECT count(*) FROM secret_checks")
    await connection.execute(statement)  # on SQLite the transaction begins with its first statement
