"""The health figures of subscriptions: numbers of attempts by hour and by duration."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from trunkline.model.health import BOUNDS_MS, HOURS, KEPT_HOURS, Figures
from trunkline.store import sql
from trunkline.store.connection import Connection
from trunkline.store.sql import text

HOUR_MS = 60 * 60 * 1000
_COUNTS = ["failed", *(f"within_{bound}" for bound in BOUNDS_MS)]
_COLUMNS = dict.fromkeys(("subscription_no", "hour", *_COUNTS), "bigint")
Hour = tuple[int, int]
"""A subscription's number, and the hour (hours since 1970)."""


class Tally:
    """Counts attempts in memory until they are written."""

    def __init__(self) -> None:
        self._hours: dict[Hour, list[int]] = {}

    def __len__(self) -> int:
        return len(self._hours)

    def add(self, subscription_no: int, *, started_ms: int, duration_ms: int, is_delivered: bool) -> None:
        """Count one attempt."""
        counts = self._hours.setdefault((subscription_no, started_ms // HOUR_MS), [0] * len(_COUNTS))
        place = bisect_left(BOUNDS_MS, duration_ms, hi=len(BOUNDS_MS) - 1) + 1 if is_delivered else 0
        counts[place] += 1

    def rows(self) -> Sequence[Sequence[int]]:
        """Return the counts as rows in the order of their keys, because all processes must write in this order."""
        return [[*hour, *counts] for hour, counts in sorted(self._hours.items())]

    def clear(self) -> None:
        """Clear the counts, after they were written."""
        self._hours.clear()


async def add(connection: Connection, tally: Tally) -> None:
    """Add the counts of *tally* to the table."""
    names = ", ".join(_COLUMNS)
    more = ", ".join(f"{name} = health_hours.{name} + excluded.{name}" for name in _COUNTS)
    statement = text(
        f"INSERT INTO health_hours ({names}) SELECT {names} FROM {sql.rows_source(connection, _COLUMNS)} "
        f"WHERE TRUE ON CONFLICT (subscription_no, hour) DO UPDATE SET {more}"
    )
    await connection.execute(statement, {"rows": sql.rows_json(tally.rows())})


async def figures(
    connection: Connection, numbers: Iterable[int], *, since_ms: int | None = None
) -> Mapping[int, Figures]:
    """Sum up the attempts, in the last ``HOURS`` hours or since *since_ms*, of the subscriptions with *numbers*.

    Subscriptions without attempts are left out.
    """
    first = f"{sql.now_ms(connection)} / {HOUR_MS} - {HOURS - 1}" if since_ms is None else since_ms // HOUR_MS
    sums = ", ".join(f"sum(h.{name})" for name in _COUNTS)
    statement = text(
        f"SELECT h.subscription_no, {sums} FROM {sql.rows_source(connection, {'no': 'bigint'})} "
        "JOIN health_hours AS h ON h.subscription_no = u.no "
        f"WHERE h.hour >= {first} GROUP BY h.subscription_no"
    )
    rows = await connection.execute(statement, {"rows": sql.rows_json([[no] for no in numbers])})
    return {row[0]: Figures(int(row[1]), tuple(map(int, row[2:]))) for row in rows}


async def by_hour(connection: Connection, subscription_no: int) -> list[tuple[int, int]]:
    """Return the numbers of delivered and failed attempts in each of the last ``HOURS`` hours, oldest first."""
    statement = text(
        f"SELECT {sql.now_ms(connection)} / {HOUR_MS} - h.hour, {' + '.join(_COUNTS[1:])}, failed FROM health_hours AS h "
        f"WHERE h.subscription_no = :no AND h.hour > {sql.now_ms(connection)} / {HOUR_MS} - {HOURS}"
    )
    ago = {
        int(row[0]): (int(row[1]), int(row[2]))
        for row in await connection.execute(statement, {"no": subscription_no})
    }
    return [ago.get(hours, (0, 0)) for hours in reversed(range(HOURS))]


async def purge(connection: Connection, *, limit: int) -> int:
    """Remove up to *limit* rows that are too old to be shown. Returns how many."""
    old = f"hour <= {sql.now_ms(connection)} / {HOUR_MS} - {KEPT_HOURS}"
    statement = text(f"DELETE FROM health_hours WHERE {sql.some_of(connection, 'health_hours', old)}")
    return int((await connection.execute(statement, {"limit": limit})).rowcount)
