"""Counts each subscription's failures in a row, which decide whether it is failing, has recovered, or is disabled."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from trunkline.model.health import FIRST, UNTOLD
from trunkline.model.times import utc_or_none
from trunkline.store import audit_log, operational, sql, tables
from trunkline.store.connection import Connection
from trunkline.store.operational import News
from trunkline.store.sql import text
from trunkline.store.subscriptions import Row, next_version, read_row

_table = tables.subscriptions


class Streak(Struct, frozen=True):
    """One subscription in a batch of attempts: its *failures* since the last success, and whether there was a success.

    *passed_ms* is the time since this process last saw the subscription fail, by a monotonic clock.
    """

    subscription_no: int
    succeeded: bool
    failures: int
    passed_ms: int = 0


class Failing(NamedTuple):
    """A failing subscription. *failing_ms* sums up the times for which processes saw it fail (``model.health``)."""

    no: int
    channel: str
    failures: int
    failing_ms: int
    failing_since_ms: int
    failing_level: int | None
    told_ms: int | None
    now_ms: int


class Recorded(NamedTuple):
    """The failing subscriptions, and the recovered ones that had been reported as failing.

    *recovered* maps the number of a recovered subscription to the time (Unix ms) at which it began to fail.
    """

    failing: Sequence[Failing]
    recovered: Mapping[int, int | None]


async def record_streaks(
    connection: Connection, streaks: Sequence[Streak], *, also: Collection[int] = ()
) -> Recorded:
    """Add the failures in *streaks*.

    Returns the subscriptions that now fail, and the subscriptions that have recovered. The failing time is the sum of
    the intervals between failures. An interval is measured by the database's clock, but is at most *passed_ms* of the
    process that saw both failures, so that a jump of the clock adds nothing. Failing subscriptions, and those with
    numbers in *also*, stay locked, so that the same transaction can change them.
    """
    failing = [[s.subscription_no, s.failures, s.passed_ms] for s in streaks if s.failures]
    surely = {*also, *(no for no, *_ in failing)}
    locked = await _lock(connection, surely, if_failing={s.subscription_no for s in streaks} - surely)
    recovered = [s.subscription_no for s in streaks if s.succeeded and s.subscription_no in locked]
    if recovered:
        source = sql.rows_source(connection, {"no": "bigint"})
        statement = text(
            "UPDATE subscriptions SET failures = 0, failing_since_ms = NULL, failing_level = NULL "
            f"WHERE no IN (SELECT no FROM {source})"
        )
        await connection.execute(statement, {"rows": sql.rows_json([[no] for no in recovered])})
    told = {no: locked[no][1] for no in recovered if (locked[no][0] or UNTOLD) > UNTOLD}
    if not failing:
        return Recorded([], told)
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"no": "bigint", "failed": "bigint", "passed": "bigint"})
    statement = text(
        f"UPDATE subscriptions SET failures = failures + u.failed, "
        "failing_ms = CASE WHEN failing_since_ms IS NULL THEN 0 ELSE COALESCE(failing_ms, 0) + "
        f"CASE WHEN {now} - failed_ms BETWEEN 0 AND u.passed THEN {now} - failed_ms ELSE u.passed END END, "
        f"failing_since_ms = COALESCE(failing_since_ms, {now}), failed_ms = {now} "
        f"FROM {source} WHERE subscriptions.no = u.no RETURNING subscriptions.no, channel, failures, failing_ms, "
        f"failing_since_ms, failing_level, told_ms, {now}"
    )
    rows = await connection.execute(statement, {"rows": sql.rows_json(failing)})
    return Recorded([Failing(*row) for row in rows], told)


async def set_levels(connection: Connection, levels: Mapping[int, int], *, told: Collection[int]) -> None:
    """Set ``failing_level`` of locked subscriptions; operational events now report the subscriptions in *told*."""
    if not levels:
        return
    source = sql.rows_source(connection, {"no": "bigint", "level": "bigint", "tells": "bigint"})
    rows = [[no, level, int(no in told)] for no, level in levels.items()]
    statement = text(
        "UPDATE subscriptions SET failing_level = u.level, "
        f"told_ms = CASE WHEN u.tells = 1 THEN {sql.now_ms(connection)} ELSE told_ms END "
        f"FROM {source} WHERE subscriptions.no = u.no"
    )
    await connection.execute(statement, {"rows": sql.rows_json(rows)})


async def _lock(
    connection: Connection, numbers: Collection[int], *, if_failing: Collection[int] = ()
) -> dict[int, tuple[int | None, int | None]]:
    """Lock the subscriptions with *numbers*, and those of *if_failing* that fail.

    Returns, by number, the failing level and the time since which the subscription fails.
    """
    locking = sql.for_update(connection, of="s")
    source = sql.rows_source(connection, {"no": "bigint", "surely": "bigint"})
    statement = text(
        f"SELECT s.no, s.failing_level, s.failing_since_ms FROM subscriptions AS s JOIN {source} ON s.no = u.no "
        f"WHERE s.failures > 0 OR s.failing_level IS NOT NULL OR u.surely = 1 ORDER BY s.no {locking}"
    )
    wanted = [*([no, 1] for no in numbers), *([no, 0] for no in if_failing)]
    rows = await connection.execute(statement, {"rows": sql.rows_json(wanted)})
    return {row[0]: (row[1], row[2]) for row in rows}


class Ending(NamedTuple):
    """The reason why the subscription *subscription_no* is disabled, and the position after which it resumes.

    A subscription never resumes before its start position.
    """

    subscription_no: int
    reason: str
    resume_position: int


async def disable(
    connection: Connection, endings: Sequence[Ending], *, untold: Collection[int] = ()
) -> list[Row]:
    """Disable the active subscriptions in *endings*, and report them unless they are in *untold*.

    Returns the new rows of the disabled subscriptions, by number.
    """
    if not endings:
        return []
    await _lock(connection, {ending.subscription_no for ending in endings})  # in the common lock order
    version = await next_version(connection)
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"no": "bigint", "reason": "text", "reached": "bigint"})
    statement = text(
        f"UPDATE subscriptions SET status = 'disabled', disabled_reason = u.reason, disabled_ms = {now}, "
        f"updated_ms = {now}, version = :version, "
        f"resume_position = CASE WHEN start_position > u.reached THEN start_position ELSE u.reached END "
        f"FROM {source} WHERE subscriptions.no = u.no AND status = 'active' RETURNING subscriptions.no"
    )
    parameters = {"version": version, "rows": sql.rows_json([list(ending) for ending in endings])}
    changed = await connection.execute(statement, parameters)
    numbers = [row[0] for row in changed]
    if not numbers:
        return []
    disabled = _table.select().where(_table.c.no.in_(numbers)).order_by(_table.c.no)
    rows = [read_row(row) for row in await connection.execute(disabled)]
    await tell_disabled(connection, [row for row in rows if row.no not in untold])
    was = {"status": "active"}
    for row in rows:
        now_is = {"status": "disabled", "disabled_reason": row.disabled_reason}
        audit_log.note("subscription.disabled", row.id, company_id=row.company_id, before=was, after=now_is)
    return rows


async def tell_disabled(connection: Connection, rows: Sequence[Row]) -> None:
    """Report that the subscriptions of *rows*, which the caller has locked, were disabled."""
    await set_levels(connection, {row.no: FIRST for row in rows}, told={row.no for row in rows})
    news: list[News] = []
    for row in rows:
        facts = {
            "subscription": operational.subscription(row.id, row.channel, row.target_url),
            "reason": row.disabled_reason,
            "failures": row.failures,
            "failing_since_utc": utc_or_none(row.failing_since_ms),
        }
        news.append(News("subscription.disabled", row.company_id, facts))
    await operational.tell(connection, news)
