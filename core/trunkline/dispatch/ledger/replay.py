"""Replay: a bounded second reader of the log for one subscription, with a lower priority than live deliveries.

It catches up after a pause, starts from an earlier time, or sends a range again. It makes deliveries due page by page, so a
replay survives every restart and never delays live deliveries. The free lane makes the attempts. If the target keeps up, the
worker that read the page makes them instead (``Claiming``).
"""

import secrets
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from msgspec import Struct, field, structs

from trunkline.dispatch.routing.matching import order_key
from trunkline.errors import BodyInvalid, FieldError
from trunkline.filters import filters
from trunkline.filters.reading import Reading
from trunkline.model.event_groups import EVERY_TYPE, is_group, takes_type
from trunkline.model.events import Event, shard_of
from trunkline.model.subscriptions import Subscription
from trunkline.runtime import faults
from trunkline.runtime.pauses import Pauses
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.store import cursors, order_changes, ordering, releasing, stream
from trunkline.store import replays as store
from trunkline.store.connection import Connection
from trunkline.store.deliveries import Claim
from trunkline.store.replays import Row

PAGE = 320
LOOKED_AT = 5_000
"""Number of deliveries among which one page searches for failed ones. The limit keeps a page short if few failed."""
PASSED = 320
"""The most open deliveries with an order that the range of one page may contain.

After the page, each of them may have to be started.
"""
OUTSTANDING = 400
"""Number of deliveries of one replay that may wait for the free lane. The next page is read when fewer wait."""

PATIENCE_MS = 1_000
"""How long a new replay waits for a delivery in flight: its attempt may have begun before the replay was requested."""
MOST_PAUSES = 10
"""Number of pauses for other tasks that matching one page may take."""

MISSED, ALL, FAILED = "missed", "all", "failed"


class Range(Struct, frozen=True):
    """The range to replay: events of *event_types* (empty means all) after position *after* and up to *up_to*.

    *pins* are the versions to send; None means the versions of the subscription.
    """

    after: int
    up_to: int
    event_types: tuple[str, ...] = ()
    kind: str = ALL
    pins: Pins | None = None


class Claiming(Struct, frozen=True):
    """How a replay claims deliveries that it makes due: for *worker*, for *lease_ms*, and at most *room* of them."""

    worker: str
    lease_ms: int
    room: int


class Page(Struct, frozen=True):
    """One page: the *positions* to deliver, the last position that was read (*reached*), and the *events* that were read."""

    positions: list[int]
    reached: int
    events: Sequence[Event] = ()


class Step(Struct, frozen=True):
    """The result of one step: the number of deliveries made due, their claims, and whether the replay moved or ended."""

    made: int = 0
    claims: Sequence[Claim] = ()
    events: Mapping[int, Event] = field(default_factory=dict)
    """The events of the claims, by position."""
    has_moved: bool = False
    """Whether the replay advanced in the log."""
    has_ended: bool = False


async def begin(connection: Connection, subscription: Subscription, span: Range) -> Row:
    """Start a replay in the caller's transaction.

    With an ordering, each new event waits until the replay has passed it.
    """
    if subscription.ordering is not None:
        await ordering.lock(connection, [subscription.no])
        await ordering.announce(connection, subscription.no)
    row = await store.insert(
        connection,
        {
            "id": "rpl_" + secrets.token_hex(10),
            "subscription_no": subscription.no,
            "company_id": subscription.company_id,
            "kind": span.kind,
            "event_types": orjson.dumps(span.event_types).decode() if span.event_types else None,
            "position": span.after,
            "end_position": span.up_to,
            "pins": None if span.pins is None else orjson.dumps(span.pins).decode(),
        },
    )
    faults.point("replay.after_begin")
    return row


def picker(
    subscription: Subscription, types: Sequence[str] = (), *, schema_versions: SchemaVersions
) -> Callable[[Event], bool]:
    """Return the test for events that a replay delivers.

    An event must match the subscription's types and filter and, if *types* is not empty, one of *types*.

    The filter reads events in the subscription's versions, even if the replay sends others.
    """
    test = filters.compile_stored(subscription.filter).test if subscription.filter else None

    def is_picked(event: Event) -> bool:
        if not takes_type(subscription.event_types, event.type) or (
            types and not takes_type(types, event.type)
        ):
            return False
        return test is None or test(Reading(schema_versions.decode(event, subscription.pins)))

    return is_picked


async def pick(events: Sequence[Event], is_picked: Callable[[Event], bool]) -> tuple[list[int], int]:
    """Choose the events of a page to deliver. Returns their positions, and the last position that was tested.

    It pauses for other tasks. If the filter is expensive, ``pick`` ends early: a replay's page is part of a transaction
    that blocks others.
    """
    pauses, positions = Pauses(), list[int]()
    for event in events:
        if is_picked(event):
            positions.append(event.position)
        await pauses.pause_if_due()
        if pauses.taken == MOST_PAUSES:
            return positions, event.position
    return positions, events[-1].position


async def plan(connection: Connection, request: Mapping[str, Any], *, pins: Pins | None = None) -> Range:
    """Read the range that a request asks for: *from* is inclusive, *to* exclusive, both by time of acceptance.

    Raises:
        BodyInvalid: *to* is not after *from*.
    """
    begin_at: datetime | None = request.get("from")
    end_at: datetime | None = request.get("to")
    if begin_at is not None and end_at is not None and end_at <= begin_at:
        raise BodyInvalid([FieldError("/to", "must be after 'from'")])
    head = (await stream.head(connection)).position
    after = 0 if begin_at is None else await stream.position_before(connection, _epoch_ms(begin_at))
    up_to = head if end_at is None else min(await stream.position_before(connection, _epoch_ms(end_at)), head)
    kind = FAILED if request.get("only_failed") else ALL
    names = tuple(name for name in dict.fromkeys(request.get("event_types") or ()) if name != EVERY_TYPE)
    return Range(after, up_to, names, kind, pins)


async def count_page(
    connection: Connection,
    subscription: Subscription,
    span: Range,
    *,
    schema_versions: SchemaVersions,
) -> tuple[int, int]:
    """Count the deliveries in the first page of *span*. Returns the count, and the last position of the page."""
    page = await _next_page(connection, subscription, span, schema_versions=schema_versions)
    return len(page.positions), page.reached


def countable_types(subscription: Subscription, span: Range) -> Sequence[str | None] | None:
    """Return the types whose events can be counted without reading the events; the item None stands for all types.

    Returns None if the events have to be read.
    """
    has_groups = any(map(is_group, (*subscription.event_types, *span.event_types)))
    if subscription.filter or span.kind == FAILED or has_groups:
        return None
    types = _narrowed(subscription.event_types, span.event_types)
    return (None,) if types is None else types


async def step(
    connection: Connection,
    replay: Row,
    subscription: Subscription,
    *,
    shards: int,
    schema_versions: SchemaVersions,
    claiming: Claiming | None = None,
) -> Step:
    """Advance *replay* by one page, in the caller's transaction.

    It reads only positions that the live lane has settled, so the replay and the live lane never deliver the same event
    at once.
    """
    in_order = subscription.ordering is not None
    if in_order and not await ordering.lock(connection, [subscription.no], skip=True):
        return Step()  # another transaction is changing the subscription, and may wait for this replay
    if replay.position >= replay.end_position:
        if not await store.outstanding(connection, replay.no, limit=1, with_held=in_order):
            return Step(has_ended=await store.end(connection, replay.no, "completed"))
        return await _rest(connection, replay)
    shard = shard_of(replay.company_id, shards)
    no, after = replay.subscription_no, replay.position
    live = await cursors.cursor_of(connection, shard, no)
    up_to = min(replay.end_position, live)
    if in_order and after < up_to:
        up_to = await store.nth_position(connection, no, after=after, up_to=up_to, limit=PASSED, is_open=True)
    if claiming is not None:
        room = min(PAGE, claiming.room)
    else:
        waiting = await store.outstanding(connection, replay.no, limit=OUTSTANDING)
        room = PAGE if waiting < OUTSTANDING else 0
    if not room or replay.position >= up_to:
        return await _rest(connection, replay)
    types = tuple(orjson.loads(replay.event_types)) if replay.event_types else ()
    span = Range(replay.position, up_to, types, replay.kind)
    page = await _next_page(connection, subscription, span, schema_versions=schema_versions, limit=room)
    page = await _before_attempts(connection, replay, page)
    done = await _make_due(
        connection, replay, subscription, page, shard=shard, versions=schema_versions, claiming=claiming
    )
    faults.point("replay.after_make_due")
    await store.move(connection, replay.no, position=page.reached, matched=done.made)
    if in_order:  # start the next deliveries of the keys that the replay has passed
        places = await ordering.places_between(connection, no, after=after, up_to=page.reached)
        await ordering.arrange(connection, places)
        if page.reached >= replay.end_position:  # release all deliveries that waited for it
            await releasing.release(connection, no)
    return structs.replace(done, has_moved=page.reached > replay.position)


async def _rest(connection: Connection, replay: Row) -> Step:
    """Leave *replay* at its position, but mark it as advanced, so that another replay is advanced next."""
    await store.move(connection, replay.no, position=replay.position, matched=0)
    return Step()


async def _before_attempts(connection: Connection, replay: Row, page: Page) -> Page:
    """While *replay* is new, end *page* before the first delivery in flight.

    A replay whose creation lies in the future is not new: the clock was set back after it.
    """
    if (
        not page.positions
        or replay.kind == MISSED
        or not 0 <= replay.updated_ms - replay.created_ms <= PATIENCE_MS
    ):
        return page
    first = await store.first_claimed(connection, replay, page.positions, within_ms=PATIENCE_MS)
    if first is None:
        return page
    return structs.replace(
        page, positions=page.positions[: bisect_left(page.positions, first)], reached=first - 1
    )


async def _make_due(
    connection: Connection,
    replay: Row,
    subscription: Subscription,
    page: Page,
    *,
    shard: int,
    versions: SchemaVersions,
    claiming: Claiming | None,
) -> Step:
    """Make the deliveries of *page* due and claim them. If they have an order, queue them instead."""
    again = replay.kind != MISSED
    if subscription.ordering is not None:
        keys = await _order_keys(connection, subscription, page, versions)
        return Step(await order_changes.make_due(connection, replay, keys, shard=shard, again=again))
    if claiming is None:
        return Step(len(await store.make_due(connection, replay, page.positions, again=again)))
    claims = await store.make_due(
        connection, replay, page.positions, again=again, worker=claiming.worker, lease_ms=claiming.lease_ms
    )
    return Step(len(claims), claims, await _events_of(connection, page) if claims else {})


async def _events_of(connection: Connection, page: Page) -> Mapping[int, Event]:
    """Return the events to deliver of *page*, by position. If *page* has only positions, the events are read."""
    if page.events or not page.positions:
        return {event.position: event for event in page.events}
    return await stream.by_positions(connection, page.positions)


async def _order_keys(
    connection: Connection, subscription: Subscription, page: Page, schema_versions: SchemaVersions
) -> dict[int, int]:
    """Compute the order keys of the events of *page* that are to be delivered."""
    assert subscription.ordering is not None
    events = await _events_of(connection, page)
    return {
        position: order_key(
            events[position], subscription.ordering, pins=subscription.pins, schema_versions=schema_versions
        )
        for position in page.positions
        if position in events
    }


async def _next_page(
    connection: Connection,
    subscription: Subscription,
    span: Range,
    *,
    schema_versions: SchemaVersions,
    limit: int = PAGE,
) -> Page:
    """Read a page of at most *limit* events of *span*."""
    if span.kind == FAILED:
        return await _next_failed(connection, subscription, span, limit=limit)
    types = _narrowed(subscription.event_types, span.event_types)
    if types == ():
        return Page([], span.up_to)
    read = await stream.read_company(
        connection, subscription.company_id, types=types or (), after=span.after, limit=limit
    )
    events = [event for event in read if event.position <= span.up_to]
    if not events:
        return Page([], span.up_to)
    is_picked = picker(subscription, span.event_types, schema_versions=schema_versions)
    positions, reached = await pick(events, is_picked)
    is_last = len(events) < limit and reached == events[-1].position
    return Page(positions, span.up_to if is_last else reached, events)


async def _next_failed(
    connection: Connection, subscription: Subscription, span: Range, *, limit: int
) -> Page:
    looked_to = await store.nth_position(
        connection, subscription.no, after=span.after, up_to=span.up_to, limit=LOOKED_AT
    )
    positions = await store.failed_positions(
        connection, subscription.no, after=span.after, up_to=looked_to, limit=limit
    )
    reached = positions[-1] if len(positions) == limit else looked_to
    if span.event_types:
        event_at = await stream.by_positions(connection, positions)
        positions = [p for p in positions if p in event_at and takes_type(span.event_types, event_at[p].type)]
    return Page(positions, reached)


def _narrowed(subscribed: tuple[str, ...], chosen: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the types to read: None means all types, an empty tuple that no type is both subscribed to and chosen.

    If a group is among the types, all types are read and the group's events are picked out afterwards.
    """
    names, others = (chosen, subscribed) if chosen else (subscribed, (EVERY_TYPE,))
    if EVERY_TYPE in names or any(map(is_group, names)):
        return None
    return tuple(name for name in names if takes_type(others, name))


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
