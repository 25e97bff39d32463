"""The audit log: who changed what, written in the transaction that makes the change.

``note`` is called by the code that stores a change. ``Database.write`` writes the noted changes just before the commit, so a
transaction takes the lock of the audit log last. Entries are only appended. The hash of each entry covers the entry and the
hash of the entry before.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import orjson
import sqlalchemy
from msgspec import Struct

from trunkline.model.principals import KINDS
from trunkline.runtime import callers
from trunkline.store import dialects, side_tables, sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

HUB, CLI = "hub", "cli"
"""Actors other than principals: the hub itself, and the command line."""
MASK = "***"
_LOCK = 7_236_455_011
"""Key of the lock that a transaction takes before its first entry, and holds until it ends."""
_SECRETS = re.compile(r"secret|token|password|sealed|digest|authorization|salt|api_key|private_key")
START = b"\0" * 32
"""The previous hash of the first entry, which has no entry before it."""
_table = side_tables.audit


class Origin(NamedTuple):
    """The actor of a change, the address that the call came from, and its ``X-Request-Id``."""

    actor: str
    address: str | None
    request_id: str | None = None


class Change(Struct, frozen=True):
    """One change: its *action* (``subscription.changed``), its *target* (an id), and the values that changed, *before* and *after*."""

    action: str
    target: str
    company_id: int | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is stored; *before* and *after* are JSON.

    *content* is the hash of the address, the values and the request's id. An erasure removes these data, but keeps
    *content*.
    """

    id: int
    at_ms: int
    company_id: int | None
    actor: str
    action: str
    target: str
    from_address: str | None
    before: str | None
    after: str | None
    request_id: str | None = None
    content: bytes = field(default=b"", repr=False)
    hash: bytes = field(default=b"", repr=False)

    def hash_after(self, previous: bytes) -> bytes:
        """Compute the hash of this entry; *previous* is the hash of the entry before."""
        told = [self.id, self.at_ms, self.company_id, self.actor, self.action, self.target]
        return hashlib.sha256(previous + self.content + orjson.dumps(told)).digest()

    @property
    def has_its_content(self) -> bool:
        """Whether the content matches its hash, or was removed with a company."""
        content = (self.from_address, self.before, self.after, self.request_id)
        return self.content == content_hash(*content) or not any(content)


def content_hash(address: str | None, before: str | None, after: str | None, request_id: str | None) -> bytes:
    """Compute the hash of an entry's address, values and request id.

    Earlier versions stored no request id, and hashed the other three.
    """
    content = (address, before, after) if request_id is None else (address, before, after, request_id)
    return hashlib.sha256(orjson.dumps(content)).digest()


_COLUMNS = [each.name for each in fields(Entry)]
_noted: ContextVar[list[Change] | None] = ContextVar("trunkline.audit", default=None)
"""The changes noted in this task's transaction; None outside a transaction."""


def begin() -> list[Change]:
    """Begin a transaction, and return the list to which ``note`` adds changes."""
    noted: list[Change] = []
    _noted.set(noted)
    return noted


def origin() -> Origin:
    """Return the current actor, to pass it along with a change that another task stores."""
    principal = callers.principal()
    if principal is None:
        return Origin(HUB, None, callers.request_id())
    if principal.id is None:
        return Origin(CLI, None)
    return Origin(f"{principal.kind}:{principal.id}", callers.address(), callers.request_id())


def note(
    action: str,
    target: str,
    *,
    company_id: int | None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    by: Origin | None = None,
) -> None:
    """Note a change made by the task's transaction. The author is *by*, or else the current actor.

    Values that are equal before and after are left out. If no values remain, nothing is noted.
    """
    noted = _noted.get()
    if noted is None:
        return
    if before is not None and after is not None:
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if not names:
            return
        before = {name: before[name] for name in names if name in before}
        after = {name: after[name] for name in names if name in after}
    noted.append(Change(action, target, company_id, before, after, by or origin()))


async def write(connection: Connection, noted: Sequence[Change]) -> None:
    """Append the changes of a transaction. The transaction must not take further locks afterwards."""
    await dialects.of_connection(connection).wait_for_turn(connection, _LOCK)
    newest = (await connection.execute(text("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1"))).first()
    last, previous = newest or (0, START)
    at_ms = time.time_ns() // 1_000_000
    entries: list[Entry] = []
    for number, each in enumerate(noted, last + 1):
        who = each.origin
        content = (who.address, _json(each.before), _json(each.after), who.request_id)
        named = (number, at_ms, each.company_id, who.actor, each.action, each.target)
        entry = Entry(*named, *content, content_hash(*content))
        previous = entry.hash_after(previous)
        entries.append(replace(entry, hash=previous))
    await sql.insert_columns(connection, _table, sql.columns_of(entries, _COLUMNS))


class Which(Struct, frozen=True):
    """A filter for entries: by company (None means all), actor, action, target, request, and ids below *before_id*."""

    company_id: int | None = None
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    before_id: int | None = None
    request_id: str | None = None


async def page(connection: Connection, which: Which, *, limit: int) -> list[Entry]:
    """Read entries, newest first. The actor in *which* is an id with its kind (``key:key_…``), or an id alone."""
    columns = _table.c
    statement = sqlalchemy.select(*(columns[name] for name in _COLUMNS))
    for name in ("company_id", "action", "target", "request_id"):
        if (wanted := getattr(which, name)) is not None:
            statement = statement.where(columns[name] == wanted)
    if which.actor is not None:
        kinds = {"operator", "link", "token", "plugin", *KINDS.values()}
        names = [which.actor, *(f"{kind}:{which.actor}" for kind in sorted(kinds))]
        statement = statement.where(columns.actor.in_(names))

    if which.before_id is not None:
        statement = statement.where(columns.id < which.before_id)
    rows = await connection.execute(statement.order_by(columns.id.desc()).limit(limit))
    return [Entry(*row) for row in rows]


async def purge(connection: Connection, *, before_ms: int, limit: int) -> int:
    """Remove up to *limit* of the oldest entries that are older than *before_ms*, but never the newest one. Returns how many."""
    oldest = text(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < (SELECT max(id) FROM audit) "
        "ORDER BY id LIMIT :limit) AND at_ms < :before"
    )
    return int((await connection.execute(oldest, {"limit": limit, "before": before_ms})).rowcount)


async def empty(connection: Connection, company_id: int, *, limit: int) -> int:
    """Remove values, addresses and request ids from up to *limit* entries about an erased company. Returns how many."""
    full = (
        "company_id = :company AND "
        "(before IS NOT NULL OR after IS NOT NULL OR from_address IS NOT NULL OR request_id IS NOT NULL)"
    )
    statement = text(
        "UPDATE audit SET before = NULL, after = NULL, from_address = NULL, request_id = NULL "
        f"WHERE {sql.some_of(connection, 'audit', full)}"
    )
    return int((await connection.execute(statement, {"company": company_id, "limit": limit})).rowcount)


def _json(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else orjson.dumps(mask(values), default=str).decode()


def mask(value: Any, *, name: str = "") -> Any:
    """Mask the secrets in *value*: members named like secrets, values of headers, and a URL's user info and query."""
    if isinstance(value, bytes):
        return MASK
    if value is not None and _SECRETS.search(name):
        return MASK
    if isinstance(value, Mapping):
        is_headers = name == "headers"
        return {str(key): MASK if is_headers else mask(each, name=str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [mask(each, name=name) for each in value]
    if isinstance(value, str) and name.endswith("url") and ("?" in value or "@" in value):
        return _mask_url(value)
    return value


def _mask_url(url: str) -> str:
    """Mask the user info and the query of *url*, or all of it if it is not a URL, as in a company's metadata."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    netloc = re.sub(r".*@", f"{MASK}@", parts.netloc)
    return urlunsplit(parts._replace(netloc=netloc, query=MASK if parts.query else ""))
