"""Operational events: the hub's reports about itself, noted in the transaction that changes the state.

A company's log has the events about the company; the log of company 0, the operators', has all of them.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, structs
from sqlalchemy import BigInteger, String

from trunkline.model.environments import company_number, environment_of
from trunkline.model.events import Draft
from trunkline.model.times import utc_text_of_ms
from trunkline.store import dialects, side_tables, sql, stream
from trunkline.store.connection import Connection
from trunkline.store.shards import count as count_shards
from trunkline.store.sql import text

OPERATORS = 0
"""The company whose log has every operational event."""
MINUTE_MS = 60_000
AT_ONCE = 200
EXHAUSTED, QUARANTINED = "delivery.exhausted", "quarantine.received"
HAS_NEWS = "EXISTS (SELECT 1 FROM news)"
"""SQL condition: ``publish`` has events to append."""


class News(Struct, frozen=True):
    """A pending operational event of *type* about a company (``OPERATORS`` for the hub itself); *facts* become its payload."""

    type: str
    company_id: int
    facts: Mapping[str, Any]


async def tell(connection: Connection, news: Sequence[News]) -> None:
    """Store *news* as pending.

    After the caller's transaction has committed, ``publish`` appends them to the log, exactly once. This function does
    not take the log's lock, so the caller may hold any locks.
    """
    columns = sql.columns_of(news, ("type", "company_id"))
    columns["id"] = [f"{time.time_ns():016x}{n:04x}{secrets.token_hex(6)}" for n, _ in enumerate(news)]
    columns["payload"] = []
    for each in news:
        number = company_number(each.company_id) if each.company_id else None
        company = {"company_id": number, "environment": environment_of(each.company_id)}
        columns["payload"].append(orjson.dumps({**company, **each.facts}))
    await sql.insert_columns(connection, side_tables.news, columns)


async def publish(connection: Connection) -> int:
    """Append up to ``AT_ONCE`` pending events to the log, oldest first. Returns how many.

    Events about a company that is being erased are appended to the operators' log only.
    """
    await stream.reserve(connection, 0)  # so that two workers take turns
    statement = text("SELECT id, type, company_id, payload FROM news ORDER BY id LIMIT :limit")
    found = (await connection.execute(statement, {"limit": AT_ONCE})).all()
    if not found:
        return 0
    is_published, ids = sql.one_of(connection, "id", "ids", String)
    statement = text(f"DELETE FROM news WHERE {is_published}").bindparams(ids)
    await connection.execute(statement, {"ids": [row[0] for row in found]})
    is_among_them, numbers = sql.one_of(connection, "company_id", "ids", BigInteger)
    statement = text(
        f"SELECT company_id, reference, erasure FROM companies WHERE {is_among_them}"
    ).bindparams(numbers)
    parameters = {"ids": sorted({number for row in found for number in (row[2], company_number(row[2]))})}
    rows = await connection.execute(statement, parameters)
    known = {row[0]: (row[1], row[2] is not None) for row in rows}
    drafts = [
        Draft(receiver, kind, "", bytes(payload))
        for _, kind, company_id, payload in found
        for receiver in dict.fromkeys((company_id, OPERATORS))
        if not known.get(receiver, (None, False))[1]
    ]
    shards = await count_shards(connection)
    references = {company_id: reference for company_id, (reference, _) in known.items()}
    await stream.append(connection, drafts, shards=shards, references=references)
    return len(found)


async def has_news(connection: Connection) -> bool:
    """Return whether ``publish`` has events to append."""
    return bool((await connection.execute(text(f"SELECT {HAS_NEWS}"))).scalar_one())


def subscription(id: str, channel: str, target_url: str) -> dict[str, str]:
    """Describe a subscription for the payload of an event."""
    return {"id": id, "channel": channel, "target_url": target_url}


class Gathered(Struct, frozen=True):
    """A *count* to report, in one event of *type* for each company, minute and *subject* (a subscription's number or a type)."""

    type: str
    company_id: int
    subject: str
    count: int
    first_position: int | None = None
    last_position: int | None = None


_GATHERED = dict.fromkeys(Gathered.__struct_fields__, "bigint") | {"type": "text", "subject": "text"}


async def gather(connection: Connection, more: Sequence[Gathered]) -> None:
    """Add *more* to the counts of the current minute; ``tell_gathered`` reports them when the minute is over."""
    if not more:
        return
    names = ", ".join(_GATHERED)
    statement = text(
        f"INSERT INTO gathered ({names}, minute) SELECT {names}, {sql.now_ms(connection)} / {MINUTE_MS} "
        f"FROM {sql.rows_source(connection, _GATHERED)} WHERE TRUE "
        "ON CONFLICT (type, company_id, subject, minute) DO UPDATE SET count = gathered.count + excluded.count, "
        "first_position = CASE WHEN excluded.first_position < gathered.first_position "
        "THEN excluded.first_position ELSE gathered.first_position END, "
        f"last_position = {dialects.of_connection(connection).greatest}(gathered.last_position, excluded.last_position)"
    )
    await connection.execute(statement, {"rows": sql.rows_json(sorted(map(structs.astuple, more)))})


async def has_gathered(connection: Connection) -> bool:
    """Return whether a minute that has counts for ``tell_gathered`` is over."""
    statement = text(f"SELECT EXISTS (SELECT 1 FROM gathered WHERE {_is_over(connection)})")
    return bool((await connection.execute(statement)).scalar_one())


async def tell_gathered(connection: Connection) -> int:
    """Report up to ``AT_ONCE`` counts whose minute is over. Returns how many. Several workers may do this at the same time."""
    some = sql.some_of(connection, "gathered", _is_over(connection))
    statement = text(
        f"DELETE FROM gathered WHERE {some} "
        "RETURNING type, company_id, subject, minute, count, first_position, last_position"
    )
    found = (await connection.execute(statement, {"limit": AT_ONCE})).all()
    numbers = [int(row[2]) for row in found if row[0] == EXHAUSTED]
    is_among_them, ids = sql.one_of(connection, "no", "ids", BigInteger)
    statement = text(
        f"SELECT no, id, channel, target_url FROM subscriptions WHERE {is_among_them}"
    ).bindparams(ids)
    named = {row[0]: subscription(*row[1:]) for row in await connection.execute(statement, {"ids": numbers})}
    news: list[News] = []
    for kind, company_id, subject, minute, count, first, last in sorted(found, key=lambda row: row[3]):
        facts: dict[str, Any] = {"minute_utc": utc_text_of_ms(minute * MINUTE_MS), "count": count}
        if kind == QUARANTINED:
            news.append(News(kind, company_id, {"type": subject, **facts}))
        elif int(subject) in named:
            events = {"first_event_id": first, "last_event_id": last}
            news.append(News(kind, company_id, {"subscription": named[int(subject)], **facts, **events}))
    await tell(connection, news)
    return len(found)


def _is_over(connection: Connection) -> str:
    """Return the SQL condition that a minute ended at least a minute ago, so that no process still counts in it."""
    return f"minute < {sql.now_ms(connection)} / {MINUTE_MS} - 1"


async def tell_once(connection: Connection, news: News, *, subject: str) -> bool:
    """Store *news* unless its type was reported for *subject* since the last ``forget``. Returns whether it was stored."""
    statement = text(
        "INSERT INTO told (type, subject, company_id, told_ms) "
        f"VALUES (:type, :subject, :company, {sql.now_ms(connection)}) ON CONFLICT (type, subject) DO NOTHING"
    )
    parameters = {"type": news.type, "subject": subject, "company": news.company_id}
    told = await connection.execute(statement, parameters)
    if told.rowcount:
        await tell(connection, [news])
    return bool(told.rowcount)


async def forget(connection: Connection, type: str, subject: str) -> None:
    """Note that the condition reported as *type* for *subject* has ended; if it occurs again, it is reported again."""
    statement = text("DELETE FROM told WHERE type = :type AND subject = :subject")
    await connection.execute(statement, {"type": type, "subject": subject})
