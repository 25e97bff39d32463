"""Ordered deliveries: rows of the ledger that may have to wait for earlier deliveries of their order key.

A delivery of a subscription with an ordering has an *order key*, and the shard of its company. The first open delivery
of a key is the *front*: it is pending and has a due time, and the holder of the shard claims it (``claim``). The other
open deliveries are held and *queued* behind the front, and no worker searches for them. ``arrange`` maintains this
state. Code that changes an open delivery of a key calls ``arrange`` in the same transaction, with the subscription's
row locked (``lock``), so that concurrent changes cannot overlook each other.

While a replay reads the log, no delivery beyond the replay's position may begin, because the replay may still queue
earlier deliveries. A delivery keeps the order key that it was stored with, even if its subscription now has another
ordering or none.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline.model.deliveries import Key, Status
from trunkline.store import dialects, due, sql
from trunkline.store import subscriptions as subscription_store
from trunkline.store.connection import Connection
from trunkline.store.deliveries import OPEN, Claim
from trunkline.store.sql import text

CLAIM_MS = 75_000
"""The default lease of a claim, longer than an attempt takes. The claims of a dead worker are released earlier."""
_IS_FIRST = (
    "NOT EXISTS (SELECT 1 FROM deliveries AS e WHERE e.subscription_no = {row}.subscription_no "
    "AND e.order_key = {row}.order_key AND e.position < {row}.position "
    f"AND e.{OPEN} LIMIT 1 OFFSET 0)"
)
"""SQL condition: a delivery is the first open one of its key.

OFFSET 0 keeps PostgreSQL from turning the subquery into a join. If the table was analyzed before the backlog grew, the join
would read all waiting rows of the subscription for each row (33,000 rows: 33,000 pages for each front, instead of 3).
"""
Settled = Callable[[int, int], int | None]
"""Returns, for a shard and a subscription number, the position up to which the ledger has all deliveries.

None if another worker makes these deliveries.
"""


class Place(Struct, frozen=True):
    """An order key of a subscription. If *is_on* is false, its channel is off; then the front is held, too."""

    subscription_no: int
    order_key: int
    is_on: bool = True


class OrderedClaim(Struct, frozen=True):
    """Deliveries of one key that were claimed together, in order. *is_all* says that the key has no other open ones."""

    subscription_no: int
    order_key: int
    claims: Sequence[Claim]
    is_all: bool


async def lock(connection: Connection, numbers: Collection[int], *, skip: bool = False) -> set[int]:
    """Lock the subscriptions with *numbers*, and so their ordered deliveries. Returns the numbers that were locked.

    With *skip*, subscriptions that another transaction has locked are left out.
    """
    locking = (sql.for_update_skipping if skip else sql.for_update)(connection)
    source = sql.rows_source(connection, {"no": "bigint"})
    statement = text(
        f"SELECT no FROM subscriptions WHERE no IN (SELECT no FROM {source}) ORDER BY no {locking}"
    )
    rows = await connection.execute(statement, {"rows": sql.rows_json([[no] for no in numbers])})
    return {row[0] for row in rows}


def barrier(no: str) -> str:
    """Return SQL for the position that all running replays of the subscription *no* have read; nothing after it may begin."""
    return (
        "COALESCE((SELECT min(r.position) FROM replays AS r JOIN subscriptions AS s ON s.no = r.subscription_no "
        f"WHERE r.subscription_no = {no} AND r.status = 'running' AND r.position < r.end_position "
        "AND s.ordering IS NOT NULL), 9223372036854775807)"
    )


async def announce(connection: Connection, no: int) -> None:
    """Make dispatchers read the subscription *no* again, because earlier deliveries are, or may become, open again.

    The caller has locked the subscription. The holder of its shard then reads the ledger before it continues with new events.
    """
    version = await subscription_store.next_version(connection)
    statement = text("UPDATE subscriptions SET version = :version WHERE no = :no")
    await connection.execute(statement, {"version": version, "no": no})


async def arrange(connection: Connection, places: Collection[Place], *, lease_ms: int = CLAIM_MS) -> None:
    """Make the first open delivery of each place its front, and queue the others, except claimed ones.

    A front without a due time becomes due at once; if it is claimed, it becomes due after *lease_ms*. A place whose
    state is correct is not changed.
    """
    if not places:
        return
    await requeue(connection, places)
    now = sql.now_ms(connection)
    statement = text(
        "UPDATE deliveries SET queued = NULL, "
        f"status = CASE WHEN f.is_on = 1 THEN '{Status.PENDING}' ELSE '{Status.HELD}' END, "
        f"due_ms = CASE WHEN f.is_on = 0 THEN NULL WHEN due_ms IS NOT NULL THEN due_ms "
        f"WHEN claimed_by IS NULL THEN {now} ELSE {now} + :lease END FROM {firsts(connection)} "
        "WHERE deliveries.position = f.position AND deliveries.subscription_no = f.no "
        f"AND (queued = 1 OR due_ms IS NULL) AND f.position <= {barrier('f.no')}"
    )
    await connection.execute(statement, {"rows": places_json(places), "lease": lease_ms})


async def requeue(connection: Connection, places: Collection[Place]) -> None:
    """For each of *places*, queue the open deliveries behind the first one, except claimed ones.

    The first open delivery is queued, too, if it was put back while a replay reads events before it; ``releasing``
    makes it due later.
    """
    waits = f"f.is_on = 1 AND deliveries.status = '{Status.HELD}' AND f.position > {barrier('f.no')}"
    statement = text(
        f"UPDATE deliveries SET queued = 1, status = '{Status.HELD}', due_ms = NULL FROM {firsts(connection)} "
        "WHERE deliveries.subscription_no = f.no AND deliveries.order_key = f.order_key "
        f"AND deliveries.position >= f.position AND (deliveries.position > f.position OR ({waits})) "
        f"AND deliveries.queued IS NULL AND deliveries.{OPEN} "
        "AND deliveries.claimed_by IS NULL"
    )
    await connection.execute(statement, {"rows": places_json(places)})


def firsts(connection: Connection) -> str:
    """Return the SQL of a subquery named ``f``: the first open delivery of each order key in ``places_json``."""
    source = sql.rows_source(connection, {"no": "bigint", "order_key": "bigint", "is_on": "bigint"})
    return (
        "(SELECT u.no, u.order_key, u.is_on, (SELECT e.position FROM deliveries AS e WHERE e.subscription_no = u.no "
        f"AND e.order_key = u.order_key AND e.{OPEN} ORDER BY e.position LIMIT 1) AS position FROM {source}) AS f"
    )


def places_json(places: Collection[Place]) -> str:
    """Encode *places* for ``firsts``."""
    return sql.rows_json([[p.subscription_no, p.order_key, int(p.is_on)] for p in places])


async def places_between(connection: Connection, no: int, *, after: int, up_to: int) -> list[Place]:
    """List the keys of a subscription that have open deliveries after position *after* and up to *up_to*."""
    statement = text(
        "SELECT DISTINCT order_key FROM deliveries WHERE subscription_no = :no "
        f"AND position > :after AND position <= :up_to AND order_key IS NOT NULL AND {OPEN}"
    )
    rows = await connection.execute(statement, {"no": no, "after": after, "up_to": up_to})
    return [Place(no, row[0]) for row in rows]


async def busy_keys(connection: Connection, no: int, *, limit: int) -> list[int] | None:
    """List up to *limit* order keys of a subscription that have open deliveries which are not queued.

    None if any key may have open deliveries: a replay is reading, keys wait for their release (``releasing``), or the
    subscription was deleted and its deliveries are still being ended.
    """
    statement = text(
        "SELECT CAST(NULL AS BIGINT) FROM replays "
        "WHERE subscription_no = :no AND status = 'running' AND position < end_position "
        "UNION ALL SELECT NULL FROM unreleased WHERE subscription_no = :no "
        "UNION ALL SELECT NULL FROM unsettled WHERE subscription_no = :no AND change = 'end' "
        "UNION ALL SELECT order_key FROM (SELECT DISTINCT order_key FROM deliveries WHERE subscription_no = :no "
        f"AND order_key IS NOT NULL AND {OPEN} AND queued IS NULL LIMIT :limit) AS busy"
    )
    keys = [row[0] for row in await connection.execute(statement, {"no": no, "limit": limit})]
    return None if None in keys else keys


async def next_due_ms(connection: Connection, shards: Collection[int]) -> int | None:
    """Return the milliseconds until the next front of *shards* is due: 0 if one is due now, None if no front waits."""
    source = sql.rows_source(connection, {"shard": "bigint"})
    statement = text(
        f"SELECT min(due) - {sql.now_ms(connection)} FROM (SELECT (SELECT d.due_ms FROM deliveries AS d "
        f"{sql.through_index(connection, 'ix_deliveries_turn')} WHERE d.order_shard = u.shard "
        "AND d.order_key IS NOT NULL AND d.due_ms IS NOT NULL ORDER BY d.due_ms LIMIT 1) AS due "
        f"FROM {source}) AS dues"
    )
    rows = sql.rows_json([[shard] for shard in shards])
    wait = (await connection.execute(statement, {"rows": rows})).scalar()
    return None if wait is None else max(int(wait), 0)


async def fronts(connection: Connection, wanted: Sequence[tuple[int, int, int]]) -> list[Key]:
    """List the oldest due fronts of each subscription in *wanted*, a list of (number, position, most fronts).

    The ledger must be complete up to the position. A delivery after it may have to wait for an event that was read but
    not settled, or for a delivery that a running replay opens. If the claim of a delivery has lapsed or its worker has
    died, and an earlier delivery was opened meanwhile, the delivery is no longer a front. The positions of running
    replays (``barrier``) are read first, because the same statement would read them for each waiting row.
    """
    if not wanted:
        return []
    source = sql.rows_source(connection, {"no": "bigint"})
    statement = text(f"SELECT u.no, {barrier('u.no')} FROM {source}")
    rows = await connection.execute(statement, {"rows": sql.rows_json([[no] for no, _, _ in wanted])})
    barriers = {row[0]: row[1] for row in rows}
    source = sql.rows_source(connection, {"no": "bigint", "reach": "bigint", "most": "bigint"})
    statement = text(
        f"SELECT u.no, (SELECT {dialects.of_connection(connection).json_array}(o.position) FROM (SELECT d.position AS position "
        f"FROM deliveries AS d {sql.through_index(connection, due.ORDERED.index)} "
        f"WHERE d.subscription_no = u.no AND {due.ORDERED.condition} "
        f"AND d.due_ms <= (SELECT {sql.now_ms(connection)}) AND d.position <= u.reach "
        f"AND {_IS_FIRST.format(row='d')} ORDER BY d.due_ms LIMIT :most) AS o), u.most FROM {source}"
    )
    limits = sql.rows_json([[no, min(settled, barriers[no]), most] for no, settled, most in wanted])
    most_of_all = max(most for _, _, most in wanted)
    rows = await connection.execute(statement, {"rows": limits, "most": most_of_all})
    return [Key(position, no) for no, found, most in rows for position in due.positions_in(found)[:most]]


async def claim(
    connection: Connection, worker: str, fronts: Collection[Key], *, settled: Settled, run: int, lease_ms: int
) -> list[OrderedClaim]:
    """Claim, for *lease_ms*, the *fronts* that are still due, and up to *run* deliveries behind each untried front.

    An untried front has no attempts yet. After the position that *settled* returns, deliveries between a front and the
    next delivery may be missing. Deliveries behind a front are claimed even
    if another worker has claimed them, because the claim of a front covers its queue.
    """
    await lock(connection, {front.subscription_no for front in fronts})
    rows = await _claim_fronts(connection, worker, fronts, lease_ms=lease_ms)
    claimed = {(row[2], row[0]): [Claim(*row[1:-1])] for row in rows}
    untried = [claims[0].position for claims in claimed.values() if not claims[0].attempts]
    if untried and run:
        settled_of = {row[2]: settled(row[-1], row[2]) or 0 for row in rows}
        await _claim_behind(connection, worker, claimed, settled_of=settled_of, run=run)
    source = sql.rows_source(connection, {"no": "bigint", "order_key": "bigint"})
    statement = text(
        f"SELECT u.no, u.order_key FROM {source} WHERE EXISTS (SELECT 1 FROM deliveries AS e "
        f"WHERE e.subscription_no = u.no AND e.order_key = u.order_key AND e.{OPEN} "
        "AND COALESCE(e.claimed_by, '') <> :worker LIMIT 1 OFFSET 0)"  # as in _IS_FIRST
    )
    keys = sql.rows_json([list(place) for place in claimed])
    found = await connection.execute(statement, {"worker": worker, "rows": keys})
    others = {(row[0], row[1]) for row in found}
    return [
        OrderedClaim(no, key, sorted(claims, key=lambda c: c.position), (no, key) not in others)
        for (no, key), claims in claimed.items()
    ]


_CLAIM = (
    "deliveries.position, deliveries.subscription_no, deliveries.attempts, deliveries.round_start, "
    "deliveries.claim, deliveries.replay_no"
)
_QUEUE = {"no": "bigint", "order_key": "bigint", "position": "bigint"}
_Queues = dict[tuple[int, int], list[Claim]]
"""Claims by subscription and order key."""


async def _claim_fronts(
    connection: Connection, worker: str, fronts: Collection[Key], *, lease_ms: int
) -> list[tuple[Any, ...]]:
    """Claim the *fronts* that are still due. Returns the order key, the claim and the shard of each."""
    now = sql.now_ms(connection)
    source = sql.rows_source(connection, {"position": "bigint", "no": "bigint"})
    statement = text(
        "UPDATE deliveries SET claimed_by = :worker, claim = claim + 1, "
        f"due_ms = {now} + :lease FROM {source} "
        "WHERE deliveries.position = u.position AND deliveries.subscription_no = u.no "
        f"AND deliveries.due_ms <= {now} AND deliveries.order_key IS NOT NULL AND deliveries.queued IS NULL "
        f"AND {_IS_FIRST.format(row='deliveries')} "
        f"AND deliveries.position <= {barrier('deliveries.subscription_no')} "
        f"RETURNING deliveries.order_key, {_CLAIM}, deliveries.order_shard"
    )
    wanted = sql.rows_json([[front.position, front.subscription_no] for front in fronts])
    rows = await connection.execute(statement, {"worker": worker, "lease": lease_ms, "rows": wanted})
    return [tuple(row) for row in rows]


async def _claim_behind(
    connection: Connection, worker: str, claimed: _Queues, *, settled_of: Mapping[int, int], run: int
) -> None:
    """Claim deliveries queued behind those fronts in *claimed* that had no attempt, and add them to *claimed*.

    No delivery beyond the position in *settled_of* is claimed, and none from the first one that was the front until an
    earlier delivery was reopened; such a delivery still has a due time. The ranges are read first: in one statement with
    the claim, SQLite would scan all deliveries of the subscription.
    """
    source = sql.rows_source(connection, _QUEUE)
    behind = (
        f"e.subscription_no = u.no AND e.order_key = u.order_key AND e.{OPEN} AND e.position > u.position"
    )
    last = f"(SELECT e.position FROM deliveries AS e WHERE {behind} ORDER BY e.position LIMIT 1 OFFSET :run)"
    run_rows = (
        f"SELECT e.position, e.due_ms FROM deliveries AS e WHERE {behind} ORDER BY e.position LIMIT :run"
    )
    was_front = f"(SELECT min(r.position) FROM ({run_rows}) AS r WHERE r.due_ms IS NOT NULL)"
    statement = text(
        f"SELECT u.no, u.order_key, u.position, COALESCE({was_front} - 1, {last} - 1, 9223372036854775807), "
        f"{barrier('u.no')} FROM {source}"
    )
    untried = [[no, key, c[0].position] for (no, key), c in claimed.items() if not c[0].attempts]
    ends = await connection.execute(statement, {"run": run, "rows": sql.rows_json(untried)})
    ranges = [[no, key, first, min(end, barrier, settled_of[no])] for no, key, first, end, barrier in ends]
    source = sql.rows_source(connection, {**_QUEUE, "up_to": "bigint"})
    statement = text(
        f"UPDATE deliveries SET claimed_by = :worker, claim = claim + 1, queued = NULL FROM {source} "
        "WHERE deliveries.subscription_no = u.no AND deliveries.order_key = u.order_key "
        f"AND deliveries.{OPEN} AND deliveries.position > u.position AND deliveries.position <= u.up_to "
        f"AND deliveries.due_ms IS NULL RETURNING deliveries.order_key, {_CLAIM}"
    )
    rows = await connection.execute(statement, {"worker": worker, "rows": sql.rows_json(ranges)})
    for row in rows:
        claimed[row[2], row[0]].append(Claim(*row[1:]))
