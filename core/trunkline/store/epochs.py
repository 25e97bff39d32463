"""Epochs: an id is never used twice, even if the database went back to an earlier state.

A restored backup, or a promoted standby that lagged, lacks the newest events and would give their ids to new events. So
the log skips every id that may have been used since its newest event: ``STEP``, plus ``STEP_PER_MS`` for each
millisecond that has passed, far more than the number of events that a hub can accept (docs/internals/performance.md).
Skipped positions do no harm, because a cursor at a skipped position continues with the next event.

``trunkline restore`` and ``trunkline log advance`` call ``advance``. On PostgreSQL, a promotion or a recovery to a
point in time begins a new timeline. The next append notices the new timeline, and skips ids automatically
(``stream.reserve``).
"""

from msgspec import Struct

from trunkline.runtime import faults
from trunkline.store import companies, dialects, failures, sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

MAX_POSITION = 2**53 - 1
"""The largest id that is exact in every client's JSON."""
STEP = 1_000_000_000
STEP_PER_MS = 100
"""An upper bound of the events accepted per millisecond."""


class Advanced(Struct, frozen=True):
    """The newest position *before* and *after* the advance; the ids in between are never used."""

    before: int
    after: int


def timeline_step(connection: Connection) -> tuple[str, str]:
    """Return two SQL values for an UPDATE of ``stream_head``: the number of positions to skip, and the new timeline.

    Without a promotion, their values are 0 and the current timeline. If ``stream_head`` has no timeline, the server's
    timeline is not read.
    """
    now = dialects.of_connection(connection).timeline
    return (
        f"CASE WHEN timeline IS NULL OR timeline = {now} THEN 0 ELSE {_step(connection)} END",
        f"CASE WHEN timeline IS NULL THEN NULL ELSE {now} END",
    )


def _step(connection: Connection) -> str:
    passed_ms = f"{dialects.of_connection(connection).greatest}({sql.now_ms(connection)} - accepted_ms, 0)"
    return f"({STEP} + CASE WHEN accepted_ms = 0 THEN 0 ELSE {passed_ms} * {STEP_PER_MS} END)"


async def advance(connection: Connection, *, past: int = 0) -> Advanced:
    """Move the log past *past* and past every id that may have been used.

    The ids of new rows and of new companies move by the same step.

    It takes the log's lock. The role must own the sequences of the schema.
    """
    await connection.execute(text("UPDATE stream_head SET position = position WHERE id = 1"))
    statement = text(f"SELECT position, {_step(connection)} FROM stream_head WHERE id = 1")
    before, step = (await connection.execute(statement)).one()
    advanced = Advanced(before, max(before + step, past))
    companies_after = await companies.new_id(connection) - 1 + step
    _, timeline = timeline_step(connection)
    statement = text(
        "UPDATE stream_head SET position = :position, companies_after = :companies_after, "
        f"timeline = {timeline} WHERE id = 1"
    )
    await connection.execute(statement, {"position": advanced.after, "companies_after": companies_after})
    faults.point("advance.after_head")
    await dialects.of_connection(connection).skip_numbers(connection, step)
    faults.point("advance.before_commit")
    return advanced


async def count_between(connection: Connection, after: int, last: int) -> int:
    """Count the events after position *after*, up to position *last*.

    Each advance skips at least ``STEP`` positions, so a shorter range has no gap. A longer range is halved at the events
    around its middle, which takes a few index lookups for each advance in it.
    """
    if last - after < STEP:
        return last - after
    statement = text(
        "SELECT (SELECT max(position) FROM events WHERE position <= :middle AND position > :after), "
        "(SELECT min(position) FROM events WHERE position > :middle AND position <= :last)"
    )
    parameters = {"middle": (after + last) // 2, "after": after, "last": last}
    below, above = (await connection.execute(statement, parameters)).one()
    older = 0 if below is None else await count_between(connection, after, below)
    newer = 0 if above is None else await count_between(connection, above - 1, last)
    return older + newer


async def note_timeline(connection: Connection) -> bool:
    """Store the server's timeline if none is stored. Returns whether the server's timeline differs from the stored one.

    Nothing is stored if the role may not read the timeline, or if the server lacks the function for reading it.
    """
    noted = (await connection.execute(text("SELECT timeline FROM stream_head WHERE id = 1"))).scalar_one()
    statement = text(f"SELECT {dialects.of_connection(connection).timeline}")
    try:
        timeline = (await connection.execute(statement)).scalar_one()
    except Exception as error:
        if not failures.is_answer(error):
            raise
        return False
    if noted is None and timeline is not None:
        statement = text("UPDATE stream_head SET timeline = :timeline WHERE id = 1 AND timeline IS NULL")
        await connection.execute(statement, {"timeline": timeline})
    return noted not in {None, timeline}
