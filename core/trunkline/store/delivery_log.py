"""Reads the delivery log: deliveries with the types of their events, and their attempts."""

from msgspec import Struct

from trunkline.model.deliveries import Key, Status
from trunkline.store.connection import Connection
from trunkline.store.deliveries import Attempt
from trunkline.store.sql import text

_SELECT = (
    "SELECT d.position, d.subscription_no, s.id, s.company_id, e.type, d.status, d.attempts, d.last_status_code, "
    "CASE WHEN d.claimed_by IS NULL THEN d.due_ms END, d.updated_ms, d.order_key, d.queued IS NOT NULL, "
    "CASE WHEN d.order_key IS NOT NULL AND d.status = 'held' THEN (SELECT f.position FROM deliveries AS f "
    "WHERE f.subscription_no = d.subscription_no AND f.order_key = d.order_key "
    "AND f.status IN ('pending', 'held') AND f.position < d.position ORDER BY f.position LIMIT 1) END, "
    "CASE WHEN d.claimed_by IS NULL AND d.due_ms IS NOT NULL THEN (SELECT d.due_ms - d.updated_ms >= a.retry_after_ms "
    "FROM attempts AS a WHERE a.position = d.position AND a.subscription_no = d.subscription_no "
    "AND a.number = d.attempts) END "
    "FROM deliveries AS d JOIN subscriptions AS s ON s.no = d.subscription_no JOIN events AS e ON e.position = d.position + 0 "
)
"""``+ 0`` makes PostgreSQL look up each event.

Without it, PostgreSQL would merge both tables by position for a large subscription, and read all events from the head
of the log down to the requested deliveries (five million events: 99,000 disk pages for 51 deliveries).
"""


class Logged(Struct, frozen=True):
    """A delivery as the log shows it. *next_attempt_ms* is None if no attempt is planned, or an attempt is in progress.

    *order_key* is None for a delivery without an order. *is_queued* says that the delivery waits for an earlier
    delivery with the same order key.
    """

    position: int
    subscription_no: int
    subscription_id: str
    company_id: int
    event_type: str
    status: str
    attempts: int
    last_status_code: int | None
    next_attempt_ms: int | None
    updated_ms: int
    order_key: int | None
    is_queued: bool
    held_by: int | None
    """The position of the first open delivery with the same order key, if that delivery precedes this one."""
    waits_as_asked: bool | None
    """Whether *next_attempt_ms* comes from the target's ``Retry-After``."""


async def looked_to(
    connection: Connection, subscription_no: int, *, before: int | None, limit: int
) -> int | None:
    """Find the position of the *limit*-th delivery before *before*, from the newest event down; None if there are fewer."""
    below = "" if before is None else "AND position < :before"
    statement = text(
        f"SELECT position FROM deliveries WHERE subscription_no = :no {below} "
        "ORDER BY position DESC LIMIT 1 OFFSET :skipped"
    )
    parameters = {"no": subscription_no, "skipped": limit - 1, "before": before}
    return (await connection.execute(statement, parameters)).scalar()


async def of_subscription(
    connection: Connection,
    subscription_no: int,
    *,
    status: str | None,
    before: int | None,
    limit: int,
    down_to: int | None = None,
) -> list[Logged]:
    """Read a subscription's deliveries of events before position *before* and not below *down_to*, newest event first."""
    parameters = {
        "no": subscription_no,
        "down_to": down_to,
        "status": status,
        "before": before,
        "limit": limit,
    }
    conditions = "d.subscription_no = :no"
    if down_to is not None:
        conditions += " AND d.position >= :down_to"
    if status is not None:
        conditions += " AND d.status = :status"
    if before is not None:
        conditions += " AND d.position < :before"
    statement = text(f"{_SELECT} WHERE {conditions} ORDER BY d.position DESC LIMIT :limit")
    return [Logged(*row) for row in await connection.execute(statement, parameters)]


async def of_event(connection: Connection, position: int) -> list[Logged]:
    """Read every delivery of the event at *position*."""
    statement = text(f"{_SELECT} WHERE d.position = :position ORDER BY d.subscription_no")
    return [Logged(*row) for row in await connection.execute(statement, {"position": position})]


class LastAttempt(Struct, frozen=True):
    """The result of the newest attempt of a delivery."""

    subscription_no: int
    status_code: int | None
    response_body: str | None
    error: str | None
    sent_twice: bool | None


async def last_attempts(connection: Connection, position: int) -> list[LastAttempt]:
    """Read the newest attempt of every delivery of the event at *position*."""
    statement = text(
        "SELECT a.subscription_no, a.status_code, a.response_body, a.error, a.sent_twice FROM deliveries AS d JOIN attempts AS a "
        "ON a.position = d.position AND a.subscription_no = d.subscription_no AND a.number = d.attempts "
        "WHERE d.position = :position"
    )
    return [LastAttempt(*row) for row in await connection.execute(statement, {"position": position})]


async def count_open(connection: Connection, subscription_no: int, *, among: int) -> int:
    """Count the pending and held deliveries among a subscription's newest *among* deliveries."""
    statement = text(
        "SELECT count(*) FROM (SELECT status FROM deliveries WHERE subscription_no = :no ORDER BY position DESC "
        f"LIMIT :among) AS d WHERE status IN ('{Status.PENDING}', '{Status.HELD}')"
    )
    return int((await connection.execute(statement, {"no": subscription_no, "among": among})).scalar_one())


async def get(connection: Connection, key: Key) -> Logged | None:
    """Read one delivery."""
    statement = text(f"{_SELECT} WHERE d.position = :position AND d.subscription_no = :no")
    row = (await connection.execute(statement, {"position": key.position, "no": key.subscription_no})).first()
    return Logged(*row) if row else None


async def attempts_of(connection: Connection, key: Key, *, limit: int) -> list[Attempt]:
    """Read the newest *limit* attempts of a delivery, oldest first."""
    statement = text(
        "SELECT position, subscription_no, number, started_ms, duration_ms, outcome, status_code, response_body, error, "
        "sent_twice, retry_after_ms, response_headers FROM attempts WHERE position = :position AND subscription_no = :no ORDER BY number DESC LIMIT :limit"
    )
    parameters = {"position": key.position, "no": key.subscription_no, "limit": limit}
    return [Attempt(*row) for row in await connection.execute(statement, parameters)][::-1]
