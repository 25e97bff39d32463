"""The views for a company's people: the numbers equal a recount, and lists neither lose nor repeat anything."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

import orjson
import pytest
from sqlalchemy import text
from tests import plans
from tests.waiting import until

from trunkline.contract import Bucket
from trunkline.errors import BadCursor, NotFound
from trunkline.insight.attention import COUNT_LIMIT, UNUSED_MS
from trunkline.insight.overview import MAX_BUCKETS, Activity
from trunkline.model import cursors
from trunkline.store import sql, tables
from trunkline.store.activity import Span, outcomes
from trunkline.store.database import Database
from trunkline_kit.receiver import Answer

FIRST_MS = 1_760_000_000_000
TYPES = ("lead.created", "client.created", "invoice.created")
STATUSES = ("delivered", "delivered", "delivered", "pending", "held", "exhausted", "rejected", "gone")
COMPANIES = (7, 92, 93)


@dataclass(frozen=True, slots=True)
class Stored:
    """One event with its deliveries: each with its status and its attempts (outcome, ms)."""

    position: int
    company_id: int
    type: str
    accepted_ms: int
    deliveries: list[tuple[int, str, list[tuple[str, int]]]] = field(default_factory=list)


def envelope(position: int, payload: str = "{}") -> bytes:
    return b'{"id":%d,"payload":%b}' % (position, payload.encode())


def event_row(position: int, company_id: int, *, type: str = TYPES[0], at_ms: int = 0, payload: str = "{}"):
    row = {"position": position, "company_id": company_id, "type": type, "shard": 0}
    return row | {"accepted_ms": FIRST_MS + at_ms, "body": envelope(position, payload)}


def subscription_row(no: int, company_id: int, **changed):
    row = dict.fromkeys(
        ("disabled_reason", "disabled_ms", "failing_since_ms", "failing_level", "description")
    )
    row |= dict.fromkeys(("start_position", "failures", "created_ms", "updated_ms"), 0)
    row |= {
        "no": no,
        "id": f"sub_{no:020}",
        "company_id": company_id,
        "channel": "webhooks",
        "target_url": f"https://hooks{no}.example.com/secret/path",
        "event_types": '["*"]',
        "signature": "standard",
        "sealed": b"",
        "status": "active",
        "version": 1,
    }
    return row | changed


def delivery_row(position: int, no: int, status: str, attempts: int = 0, **changed):
    row = {"position": position, "subscription_no": no, "status": status, "attempts": attempts}
    return row | {"claim": 0, "updated_ms": 0} | changed


def attempt_row(position: int, no: int, number: int, outcome: str, duration_ms: int):
    row = {"position": position, "subscription_no": no, "number": number, "started_ms": 0}
    return row | {"outcome": outcome, "duration_ms": duration_ms}


async def store(database: Database, **rows: Sequence[dict]) -> None:
    async with database.write() as connection:
        for table, values in rows.items():
            if values:
                await connection.execute(getattr(tables, table).insert(), values)
        if events := rows.get("events"):
            await connection.execute(
                tables.stream_head.update().values(position=max(row["position"] for row in events))
            )


async def make_world(database: Database, seed: int, *, events: int = 3000) -> list[Stored]:
    """Store a random log of three companies with two subscriptions each."""
    chance = random.Random(seed)
    at_ms, world = 0, []
    for position in range(1000, 1000 + events):
        at_ms += chance.choice([0, 0, 1, 5, 60])
        company_id = chance.choice(COMPANIES)
        world.append(Stored(position, company_id, chance.choice(TYPES), at_ms))
        for no in (1, 2):
            if chance.random() < 0.4:
                status = chance.choice(STATUSES)
                failures = [("retry", chance.randrange(3000)) for _ in range(chance.randrange(3))]
                delivered = [("delivered", chance.randrange(900))]
                last = {"pending": [], "exhausted": [("retry", 5)], "delivered": delivered}
                attempts = [*failures, *last.get(status, [(status, 9)])] if status != "held" else []
                world[-1].deliveries.append((COMPANIES.index(company_id) * 2 + no, status, attempts))
    await store(
        database,
        events=[event_row(e.position, e.company_id, type=e.type, at_ms=e.accepted_ms) for e in world],
        subscriptions=[subscription_row(no, COMPANIES[(no - 1) // 2]) for no in range(1, 7)],
        deliveries=[delivery_row(e.position, no, s, len(a)) for e in world for no, s, a in e.deliveries],
        attempts=[
            attempt_row(e.position, no, number, *attempt)
            for e in world
            for no, _, attempts in e.deliveries
            for number, attempt in enumerate(attempts, 1)
        ],
    )
    return world


def recount(world: list[Stored], company_id: int, since_ms: int, until_ms: int) -> Bucket:
    """Count one bucket by going through everything."""
    mine = [e for e in world if e.company_id == company_id and since_ms <= e.accepted_ms < until_ms]
    statuses = Counter(status for e in mine for _, status, _ in e.deliveries)
    attempts = [attempt for e in mine for _, _, made in e.deliveries for attempt in made]
    durations = sorted(ms for outcome, ms in attempts if outcome == "delivered")
    return Bucket(
        FIRST_MS + since_ms,
        len(mine),
        statuses.total(),
        statuses["delivered"],
        sum(outcome != "delivered" for outcome, _ in attempts),
        durations[ceil(len(durations) * 0.5) - 1] if durations else None,
        durations[ceil(len(durations) * 0.95) - 1] if durations else None,
        unfinished=statuses["pending"] + statuses["held"],
        failed=statuses["exhausted"] + statuses["rejected"] + statuses["gone"],
    )


async def look(activity: Activity, company_id: int, since_ms: int, until_ms: int, buckets: int = 48):
    return await activity.overview(
        company_id, since_ms=FIRST_MS + since_ms, until_ms=FIRST_MS + until_ms, buckets=buckets
    )


async def check(
    activity: Activity, world: list[Stored], company_id: int, *, since_ms: int, until_ms: int, buckets: int
):
    found = await look(activity, company_id, since_ms, until_ms, buckets)
    starts = [since_ms + (until_ms - since_ms) * no // buckets for no in range(buckets)]
    expected = [
        recount(world, company_id, *span) for span in zip(starts, [*starts[1:], until_ms], strict=True)
    ]
    assert list(found.buckets) == expected
    assert found.total == recount(world, company_id, since_ms, until_ms)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
async def test_the_numbers_are_those_of_a_recount_whatever_the_span_and_however_often_they_are_asked_for(
    database, seed
):
    world = await make_world(database, seed)
    end_ms, chance = world[-1].accepted_ms + 1, random.Random(seed)
    activity = Activity(database)
    for company_id in (*COMPANIES, 92):
        for _ in range(2):
            await check(activity, world, company_id, since_ms=0, until_ms=end_ms, buckets=48)
        for _ in range(4):
            since_ms, until_ms = sorted(chance.sample(range(-500, end_ms + 500), 2))
            buckets = min(chance.randint(1, 200), until_ms - since_ms)
            await check(activity, world, company_id, since_ms=since_ms, until_ms=until_ms, buckets=buckets)


async def test_what_comes_later_and_what_is_removed_is_counted_too(database):
    world = await make_world(database, 3)
    activity, end_ms = Activity(database), world[-1].accepted_ms + 100
    await check(activity, world, 92, since_ms=0, until_ms=end_ms, buckets=10)

    more = [Stored(5000 + no, 92, TYPES[0], world[-1].accepted_ms + no % 50) for no in range(700)]
    more.sort(key=lambda event: event.accepted_ms)
    more = [Stored(4000 + no, e.company_id, e.type, e.accepted_ms) for no, e in enumerate(more)]
    await store(database, events=[event_row(e.position, 92, at_ms=e.accepted_ms) for e in more])
    await check(activity, world + more, 92, since_ms=0, until_ms=end_ms, buckets=10)

    async with database.write() as connection:
        for table in ("attempts", "deliveries", "events"):
            await connection.execute(text(f"DELETE FROM {table} WHERE position <= 2345"))
        await connection.execute(text("UPDATE retention SET edge = 2345"))
    left = [event for event in world + more if event.position > 2345]
    await check(activity, left, 92, since_ms=0, until_ms=end_ms, buckets=10)


async def test_an_event_belongs_to_the_bucket_that_starts_when_it_was_accepted(database):
    times = [9, 10, 14, 15, 19, 20]
    await store(database, events=[event_row(1000 + no, 92, at_ms=ms) for no, ms in enumerate(times)])
    found = await look(Activity(database), 92, 10, 20, 2)
    assert [(bucket.start_ms - FIRST_MS, bucket.events) for bucket in found.buckets] == [(10, 2), (15, 2)]
    assert found.total.events == 4


async def test_a_company_without_anything_has_zeros_and_no_rate(database):
    await make_world(database, 4, events=50)
    found = await look(Activity(database), 404, 0, 10_000)
    assert found.total == Bucket(FIRST_MS)
    assert [bucket.events for bucket in found.buckets] == [0] * 48
    assert (found.success_rate, found.subscriptions, list(found.attention)) == (None, {}, [])


async def test_the_success_rate_is_of_all_attempts_those_of_unfinished_deliveries_too(database):
    world = await make_world(database, 7, events=300)
    attempts = Counter(
        outcome == "delivered"
        for e in world
        if e.company_id == 92
        for _, _, made in e.deliveries
        for outcome, _ in made
    )
    found = await look(Activity(database), 92, 0, world[-1].accepted_ms + 1)
    assert found.attempts == attempts.total()
    assert found.success_rate == attempts[True] / attempts.total()
    assert found.total.unfinished
    assert found.total.failed


async def test_subscriptions_count_by_health_and_pending_deliveries_by_what_they_do(database):
    failing = {"failures": 5, "failing_since_ms": FIRST_MS}
    await store(
        database,
        events=[event_row(1000, 92)],
        subscriptions=[
            subscription_row(1, 92, **failing, failing_level=1),
            subscription_row(2, 92, **failing),
            subscription_row(3, 92),
            subscription_row(4, 92, status="paused"),
        ],
        deliveries=[
            delivery_row(1000, 1, "pending", 5, claimed_by=None),
            delivery_row(1000, 2, "pending", claimed_by="one"),
            delivery_row(1000, 3, "pending", claimed_by=None),
            delivery_row(1000, 4, "held", claimed_by=None),
        ],
    )
    activity = Activity(database)
    found = await look(activity, 92, 0, 1000)
    assert found.subscriptions == {"failing": 1, "retrying": 1, "idle": 1, "paused": 1}
    (event,) = (await activity.events(92)).events
    states = ["retrying", "in flight", "pending", "held"]
    assert event.deliveries == dict.fromkeys(states, 1)
    assert [one.last_status for one in await activity.subscriptions(92)] == states


async def test_deliveries_in_many_buckets_cost_hardly_more_than_in_few(database):
    """Before, SQLite went through all buckets for each delivery: a day of 39,400 deliveries took 0.3 s of CPU."""
    world = await make_world(database, 8, events=1000)
    costs = []
    for spans in (2, 48):
        cut = [Span(999 + 1000 * no // spans, 999 + 1000 * (no + 1) // spans) for no in range(spans)]
        (looked,) = await plans.look(database, lambda c, cut=cut: outcomes(c, 92, cut, one_in=1))
        costs.append(looked.work)
    assert world
    assert costs[1] < 3.5 * costs[0]


async def test_of_very_many_deliveries_a_sample_is_read_and_that_is_said(database):
    world = await make_world(database, 5)
    end_ms = world[-1].accepted_ms + 1
    found = await look(Activity(database, sample=200), 92, 0, end_ms)
    exact = recount(world, 92, 0, end_ms)
    assert found.sampled_one_in == ceil(exact.matched / 200)
    assert (found.total.events, found.total.matched) == (exact.events, exact.matched)
    assert found.total.delivered == pytest.approx(exact.delivered, rel=0.25)
    assert found.total.failed_attempts == pytest.approx(exact.failed_attempts, rel=0.25)
    assert found.total.delivered == sum(bucket.delivered for bucket in found.buckets)


@pytest.mark.parametrize(
    ("length_ms", "buckets"),
    [(0, 1), (-5, 1), (10, 0), (10, 11), (10_000, MAX_BUCKETS + 1)],
    ids=["no time", "backwards", "no bucket", "less than a millisecond each", "too many"],
)
async def test_a_span_that_cannot_be_cut_is_refused(sqlite_database, length_ms, buckets):
    with pytest.raises(ValueError, match="1 to 200 buckets, of a millisecond or more each"):
        await look(Activity(sqlite_database), 92, 0, length_ms, buckets)


async def test_what_a_hub_delivers_and_fails_to_deliver_is_seen(running, receiver):
    context = running.hub.registry.context("webhooks")
    now_ms = context.clock.now_ms()
    receiver.always(Answer(500), path="/sick")
    for path in ("/well", "/sick"):
        request = {"target_url": f"{receiver.url.rstrip('/')}{path}", "event_types": ["*"]}
        sick = await context.subscriptions.create(running.company_id, request, channel="webhooks")
    payload = running.hub.catalog.get("lead.created").example
    answer = await running.client.post("/api/v1/events", json={"type": "lead.created", "payload": payload})

    async def overview():
        span = {"since_ms": now_ms - 60_000, "until_ms": now_ms + 60_000}
        found = await context.activity.overview(running.company_id, **span)
        return found if found.success_rate == 0.25 else None

    found = await until(overview)
    assert (found.total.events, found.total.matched, found.total.delivered) == (1, 2, 1)
    assert found.total.failed_attempts == 3
    assert found.total.p50_ms == found.total.p95_ms is not None
    assert found.subscriptions == {"delivering": 1, "failing": 1}
    failing, exhausted = found.attention
    assert (failing.kind, failing.count, failing.subscription_id) == ("failing", 3, sick["id"])
    assert (exhausted.kind, exhausted.event_id) == ("exhausted", answer.json()["id"])

    explained = await context.deliveries.explain(running.company_id, answer.json()["id"])
    delivery = next(one for one in explained["subscriptions"] if one["subscription_id"] == sick["id"])
    shown = await context.deliveries.get(running.company_id, delivery["delivery_id"])
    assert [attempt["status_code"] for attempt in shown["attempts"]] == [500, 500, 500]
    receiver.always(Answer(200), path="/sick")
    await context.deliveries.retry(running.company_id, delivery["delivery_id"])

    async def is_delivered():
        shown = await context.deliveries.get(running.company_id, delivery["delivery_id"])
        return shown["status"] == "delivered"

    await until(is_delivered)


async def test_what_needs_attention_is_said_with_the_most_urgent_first(database):
    failing = {"failures": 3, "failing_since_ms": FIRST_MS}
    disabled = {"status": "disabled", "disabled_ms": FIRST_MS}
    await store(
        database,
        events=[event_row(1000 + no, 92, at_ms=no) for no in range(6)],
        subscriptions=[
            subscription_row(1, 92, description="Leads for the CRM"),
            subscription_row(2, 92, status="paused", updated_ms=FIRST_MS),
            subscription_row(3, 92, **failing),
            subscription_row(4, 92, **disabled, disabled_reason="failing", failures=20),
            subscription_row(5, 92, **disabled, disabled_reason="gone"),
            subscription_row(6, 92, status="deleted", failures=3),
            subscription_row(7, 93, **failing),
        ],
        deliveries=[
            delivery_row(1000, 1, "held"),
            delivery_row(1001, 1, "exhausted"),  # before the span
            delivery_row(1002, 1, "exhausted"),
            delivery_row(1003, 1, "exhausted"),
            delivery_row(1004, 3, "rejected"),
            delivery_row(1004, 6, "exhausted"),
            delivery_row(1004, 7, "exhausted"),
            delivery_row(1005, 1, "delivered"),
        ],
        replays=[
            replay_row(1, 1, 92, "running"),
            replay_row(2, 1, 92, "completed"),
            replay_row(3, 7, 93, "running"),
        ],
        api_keys=[key_row("old", 92), key_row("other", 93), key_row("used", 92, last_used_ms=FIRST_MS)],
    )
    found = (await look(Activity(database), 92, 2, 1000)).attention
    since = "2025-10-09T08:53:20.000Z"
    assert [(one.kind, one.sentence) for one in found] == [
        ("disabled", f"The subscription to hooks4.example.com was disabled {since}: reason: failing; fix the target, then resume it."),
        ("disabled", f"The subscription to hooks5.example.com was disabled {since}: the target said that it is gone; delete the subscription, or fix the target and resume it."),
        ("failing", f"The last 3 attempts to reach hooks3.example.com failed, the first {since}; look at the answers and fix the target."),
        ("exhausted", "2 deliveries to “Leads for the CRM” have failed at every attempt; fix the target, then replay what failed."),
        ("rejected", "1 delivery to hooks3.example.com has been rejected for good; look at the answers."),
        ("held", "1 delivery to “Leads for the CRM” has been held back until the channel 'webhooks' is enabled."),
        ("paused", f"The subscription to hooks2.example.com was paused {since}; resume it to go on."),
        ("replay", "A replay to “Leads for the CRM” is running, with 400 positions of the log to go."),
        ("unused_key", f"The API key 'old', made at {since}, has never been used; revoke it if nobody needs it."),
    ]  # fmt: skip
    assert [one.count for one in found] == [20, 1, 3, 2, 1, 1, 1, 400, 1]
    numbers = [4, 5, 3, 1, 3, 1, 2, 1, None]
    assert [one.subscription_id and int(one.subscription_id[4:]) for one in found] == numbers
    assert [one.event_id for one in found] == [None, None, None, 1003, 1004, 1000, None, None, None]
    assert (found[7].replay_id, found[8].key_id) == ("rpl_1", "key_old")


async def test_a_key_need_not_have_been_used_in_its_first_week(database):
    async with database.write() as connection:
        now_ms = (await connection.execute(text(f"SELECT {sql.now_ms(connection)}"))).scalar_one()
    ages = {"young": UNUSED_MS - 60_000, "old": UNUSED_MS + 1}
    keys = [key_row(name, 92, created_ms=now_ms - age) for name, age in ages.items()]
    await store(database, api_keys=[*keys, key_row("revoked", 92, revoked_ms=now_ms)])
    found = await look(Activity(database), 92, 0, 1000)
    assert [one.key_id for one in found.attention] == ["key_old"]


async def test_very_many_deliveries_are_not_counted_to_the_end(database):
    await store(
        database,
        events=[event_row(1000, 92), event_row(999 + COUNT_LIMIT + 5, 92)],
        subscriptions=[subscription_row(1, 92)],
        deliveries=[delivery_row(1000 + no, 1, "exhausted") for no in range(COUNT_LIMIT + 5)],
    )
    (found,) = (await look(Activity(database), 92, -10, 1000)).attention
    assert found.count == COUNT_LIMIT
    assert found.sentence.startswith("10,000 or more deliveries to hooks1.example.com have failed")


def replay_row(no: int, subscription_no: int, company_id: int, status: str):
    row = {"no": no, "id": f"rpl_{no}", "subscription_no": subscription_no, "company_id": company_id}
    row |= {"status": status, "kind": "all", "position": 1000, "end_position": 1400}
    return row | dict.fromkeys(("matched", "created_ms", "updated_ms"), 0)


def key_row(name: str, company_id: int, **changed):
    row = {"id": f"key_{name}", "company_id": company_id, "name": name, "scopes": "[]", "last4": "last"}
    row |= {"digest": name.encode().ljust(32), "created_ms": FIRST_MS}
    return row | {"last_used_ms": None, "revoked_ms": None} | changed


STATES = {"failed": {"exhausted", "rejected"}, "open": {"pending", "held"}}


async def ids(activity: Activity, company_id: int = 92, **asked) -> list[int]:
    return [event.event_id for event in (await activity.events(company_id, **asked)).events]


@pytest.mark.parametrize("state", [None, "failed", "open"])
@pytest.mark.parametrize("types", [(), TYPES[:1], TYPES[:2]], ids=["every type", "one type", "two types"])
async def test_a_list_is_the_newest_first_page_by_page(database, types, state):
    world = await make_world(database, 6, events=400)
    activity = Activity(database)
    expected = [
        e
        for e in reversed(world)
        if e.company_id == 92
        and (not types or e.type in types)
        and (state is None or STATES[state] & {status for _, status, _ in e.deliveries})
    ]
    assert expected
    found, before = [], None
    while not found or before is not None:
        page = await activity.events(92, types=types, state=state, before=before, limit=7)
        found += page.events
        assert len(page.events) == 7 or page.before is None
        before = page.before
    for event, stored in zip(found, expected, strict=True):
        assert orjson.loads(event.body)["id"] == event.event_id == stored.position
        assert (event.type, event.accepted_ms - FIRST_MS) == (stored.type, stored.accepted_ms)
        statuses = ["retrying" if s == "pending" and made else s for _, s, made in stored.deliveries]
        assert dict(event.deliveries) == Counter(statuses)


async def test_paging_loses_and_repeats_nothing_while_events_arrive(database):
    await store(database, events=[event_row(1000 + no, 92) for no in range(20)])
    activity, found, before = Activity(database), [], None
    for arrived in range(100):
        page = await activity.events(92, before=before, limit=3)
        found += [event.event_id for event in page.events]
        before = page.before
        if before is None:
            break
        await store(database, events=[event_row(2000 + 3 * arrived + no, 92) for no in range(3)])
    assert found == list(range(1019, 999, -1))


async def test_a_list_begins_and_ends_where_its_times_say(database):
    await store(database, events=[event_row(1000 + no, 92, at_ms=10 * no) for no in range(6)])
    activity = Activity(database)
    assert await ids(activity, since_ms=FIRST_MS + 10, until_ms=FIRST_MS + 40) == [1003, 1002, 1001]
    assert await ids(activity, since_ms=FIRST_MS + 11, until_ms=FIRST_MS + 41) == [1004, 1003, 1002]
    assert await ids(activity, since_ms=FIRST_MS + 51) == []
    assert await ids(activity, until_ms=FIRST_MS) == []
    first = await activity.events(92, until_ms=FIRST_MS + 40, limit=2)
    assert await ids(activity, until_ms=FIRST_MS + 40, before=first.before) == [1001, 1000]


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("müller", [1000, 1001]),
        ("MÜLLER", [1000, 1001]),
        ("Straße", [1002]),
        ("STRASSE", [1002]),
        ("100%", [1003]),
        ("a_c", [1004]),
        ("%", [1003]),
        ("_", [1004]),
        ('"name":"x', [1005]),
        ("'; --", [1006]),
        ("\\", [1007]),
        ("日本", [1008, 1009]),
        ("nobody", []),
    ],
)
async def test_text_is_found_as_it_is_written_whatever_its_case(database, sought, found):
    payloads = ['"Müller"', r'"M\u00FCLLER"', '"Straße"', '"100%"', '"a_c"', '{"name":"x"}', '"\'; --"']
    payloads += [r'"back\\slash"', '"日本"', r'"\u65e5\u672c"', '"abc 1000"']
    events = [event_row(1000 + no, 92, payload=payload) for no, payload in enumerate(payloads)]
    events += [event_row(1100 + no, 93, payload=payload) for no, payload in enumerate(payloads)]
    await store(database, events=events)
    assert sorted(await ids(Activity(database), text=sought)) == found


_ESCAPED = (
    r'{"amount":99.00,"big":18446744073709551617,"reason":"Jos\u00e9 \"quoted\"","path":"C:\\new","column":"a\tb",'
    r'"either":"a\/b","smile":"\ud83d\ude00","two":"\\u0041"}'
)


@pytest.mark.parametrize(
    "sought",
    [
        *("99.00", "amount:99.00", '"amount": 99.00,', "18446744073709551617", "big=18446744073709551617"),
        *("josé", 'josé "quoted"', 'reason:josé "quoted"', r'"reason": "Jos\u00e9 \"quoted\"",'),
        *(r"c:\new", r"path:C:\new", r'"path": "C:\\new"', "a\tb", "column:a\tb", "a/b", "either:a/b"),
        *("\N{GRINNING FACE}", r"\u0041", r"two:\u0041"),
    ],
)
async def test_what_json_escapes_is_found_as_text_and_numbers_by_their_digits(sqlite_database, sought):
    await store(sqlite_database, events=[event_row(1000, 92, payload=_ESCAPED), event_row(1001, 92)])
    assert await ids(Activity(sqlite_database), text=sought) == [1000]


@pytest.mark.parametrize("sought", ["amount:99.0", "two:A", r"a\/b", r'"path": "C:\x', '"path": "C:\\'])
async def test_neither_other_digits_nor_invalid_escapes_are_found(sqlite_database, sought):
    await store(sqlite_database, events=[event_row(1000, 92, payload=_ESCAPED)])
    assert await ids(Activity(sqlite_database), text=sought) == []


async def test_a_search_stops_after_a_bounded_number_of_events_and_says_how_far_it_looked(database):
    events = [
        event_row(1000 + no, 92, type=TYPES[no % 2], at_ms=no, payload='"rare"' if no % 400 == 1 else "{}")
        for no in range(1600)
    ]
    await store(database, events=events)
    activity = Activity(database, searched=700)
    before = None
    for found, looked_to_ms in (([2201], 900), ([1801, 1401], 200), ([1001], 0)):
        page = await activity.events(92, text="RARE", before=before)
        assert [event.event_id for event in page.events] == found
        assert page.looked_to_ms == FIRST_MS + looked_to_ms
        before = page.before
    assert before is None

    narrowed = await activity.events(92, text="rare", types=TYPES[1:2])
    assert [event.event_id for event in narrowed.events] == [2201, 1801, 1401]
    page = await Activity(database).events(92, text="rare", limit=2)
    assert [event.event_id for event in page.events] == [2201, 1801]
    assert await ids(activity, text="rare", before=page.before, limit=2) == [1401]


async def test_a_list_of_nothing_ends_at_once(database):
    await store(database, events=[event_row(1000, 92)])
    for text_sought in (None, "x"):
        page = await Activity(database).events(404, text=text_sought)
        assert (list(page.events), page.before, page.looked_to_ms) == ([], None, None)


@pytest.mark.parametrize(
    "before", ["", "x", cursors.encode(1000)], ids=["empty", "no cursor", "another list's"]
)
async def test_a_cursor_of_another_list_is_refused(sqlite_database, before):
    with pytest.raises(BadCursor):
        await Activity(sqlite_database).events(92, before=before)


async def test_one_event_is_shown_with_those_next_to_it_in_its_company(database):
    companies = {1000: 92, 1001: 93, 1002: 92, 1003: 92, 1004: 93}
    await store(
        database,
        events=[event_row(position, company, at_ms=7) for position, company in companies.items()],
        subscriptions=[subscription_row(1, 92), subscription_row(2, 92)],
        deliveries=[delivery_row(1002, 1, "delivered"), delivery_row(1002, 2, "held")],
    )
    activity = Activity(database)
    shown = await activity.event(92, 1002)
    assert (shown.event.event_id, shown.event.type, shown.event.accepted_ms) == (1002, TYPES[0], FIRST_MS + 7)
    assert (shown.event.body, dict(shown.event.deliveries)) == (envelope(1002), {"delivered": 1, "held": 1})
    for event_id, older, newer in ((1000, None, 1002), (1002, 1000, 1003), (1003, 1002, None)):
        found = await activity.event(92, event_id)
        assert (found.older, found.newer) == (older, newer)
    for event_id in (1001, 999, 2**63 - 1):
        with pytest.raises(NotFound):
            await activity.event(92, event_id)


async def test_each_subscription_is_told_of_with_the_delivery_of_its_newest_event(database):
    await store(
        database,
        events=[event_row(1000 + no, 92) for no in range(3)],
        subscriptions=[
            subscription_row(1, 92),
            subscription_row(2, 92, failures=4, failing_since_ms=FIRST_MS),
            subscription_row(3, 92, status="deleted"),
            subscription_row(4, 93),
            subscription_row(5, 92, status="paused"),
        ],
        deliveries=[
            delivery_row(1002, 1, "pending", updated_ms=7),
            delivery_row(1000, 1, "delivered", updated_ms=9),
            delivery_row(1001, 2, "exhausted", updated_ms=8),
            delivery_row(1001, 3, "gone"),
            delivery_row(1001, 4, "delivered"),
        ],
    )
    found = await Activity(database).subscriptions(92)
    health = [(one.subscription_id[-1], one.failures, one.failing_since_ms) for one in found]
    assert health == [("1", 0, None), ("2", 4, FIRST_MS), ("5", 0, None)]
    newest = [(one.last_status, one.last_ms) for one in found]
    assert newest == [("pending", 7), ("exhausted", 8), (None, None)]


async def test_companies_are_those_with_events_or_keys_whose_number_begins_so(database):
    largest = 2**63 - 1
    companies = [1, 9, 12, 92, 93, 120, 900, 9223, largest]
    await store(
        database,
        events=[event_row(1000 + no, company) for no, company in enumerate(companies * 2)],
        api_keys=[key_row("operator", 0), key_row("a", 92), key_row("b", 94), key_row("c", 5)],
    )
    activity = Activity(database)
    assert await activity.companies() == [1, 5, 9, 12, 92, 93, 94, 120, 900, 9223, largest]
    assert await activity.companies(limit=3) == [1, 5, 9]
    assert await activity.companies("9") == [9, 92, 93, 94, 900, 9223, largest]
    assert await activity.companies("9", limit=5) == [9, 92, 93, 94, 900]
    assert await activity.companies("92") == [92, 9223, largest]
    assert await activity.companies("12") == [12, 120]
    assert await activity.companies(str(largest)) == [largest]
    for nobody in ("7", "0", "-9", "x", "9%", "٩", "9" * 30):
        assert await activity.companies(nobody) == []
