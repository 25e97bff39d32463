"""A thousand subscriptions made, changed, paused and deleted while events flow: each gets the events that it wanted at the time.

An event is matched with the subscriptions as they are when the dispatcher reads the event. Events up to the shard's cursor before a
change are matched with the old request, and events beyond the log's head after the change with the new request; events in between
may be matched with either. A subscription that was paused and has caught up has missed nothing.
"""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from tests.answers import json_of
from tests.example_product import EVENT_TYPES

from trunkline.model.events import shard_of
from trunkline.store.engines import EngineDatabase
from trunkline_kit.receiver import Answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

COMPANIES = {"sqlite": range(1, 5), "postgresql": range(1, 11)}
EACH = 100
CALLS_PER_EVENT = 10
LEAD, CLIENT = "lead.created", "client.created"
PAYLOADS = {name: EVENT_TYPES[name].example for name in (LEAD, CLIENT)}
SMALL, LARGE = {"payload.client_id": {"lt": 50}}, {"payload.client_id": {"gte": 50}}


def is_lead(event):
    return event["type"] == LEAD


def is_client(event):
    return event["type"] == CLIENT


def is_small(event):
    return event["payload"]["client_id"] < 50


def is_large(event):
    return not is_small(event)


def is_any(event):
    return True


def is_none(event):
    return False


EVERYTHING = {"event_types": ["*"]}
PAUSE = None, "PATCH", {"status": "paused"}
CATCH_UP = None, "PATCH", {"status": "active"}
PAUSE_FOR_GOOD = is_none, "PATCH", {"status": "paused"}
RESUME = is_any, "PATCH", {"status": "active", "catch_up": False}
DELETE = is_none, "DELETE", None
RETYPE = is_client, "PATCH", {"event_types": [CLIENT]}
REFILTER = is_large, "PATCH", {"filter": LARGE}
"""Changes of a subscription: what it wants afterwards (None: as before), the method and the body."""


@dataclass
class Wish:
    """A subscription's request. It does not apply to events up to *cursor*, and certainly applies to events beyond *head*."""

    wants: object
    cursor: int
    head: int


@dataclass
class Subscribed:
    """One subscription and all of its requests."""

    id: str
    no: int
    wishes: list[Wish]

    def possible(self, event) -> set[bool]:
        """Give the possible answers to whether the subscription gets *event*: one if it is certain, else both."""
        position = event["id"]
        if position <= self.wishes[0].cursor:
            return {False}
        ends = [*(wish.head for wish in self.wishes[1:]), position]
        return {
            wish.wants(event)
            for wish, end in zip(self.wishes, ends, strict=True)
            if wish.cursor < position <= end
        }


class Customer:
    """A company that makes subscriptions and changes them, one call after the other, and emits events meanwhile."""

    def __init__(self, company, client, database, target_url):
        self.company = company
        self.client = client
        self.database = database
        self.target_url = target_url
        move = None, "PATCH", {"target_url": f"{target_url}/moved"}
        self._plans = (
            (is_any, EVERYTHING, [move]),
            (is_any, EVERYTHING, [PAUSE, CATCH_UP]),
            (is_any, EVERYTHING, [PAUSE_FOR_GOOD, RESUME]),
            (is_any, EVERYTHING, [DELETE]),
            (is_lead, {"event_types": [LEAD]}, [RETYPE]),
            (is_small, EVERYTHING | {"filter": SMALL}, [REFILTER]),
            (is_large, EVERYTHING | {"filter": LARGE}, []),
            (is_lead, {"event_types": [LEAD]}, []),
        )
        self.subscribed = []
        self.events = []
        self._calls = asyncio.Semaphore(0)
        self._is_done = False

    async def live(self):
        emitting = asyncio.create_task(self._emit())
        due = defaultdict(list)
        for number in range(EACH):
            wants, request, changes = self._plans[number % len(self._plans)]
            subscribed = await self._create(number, wants, request)
            for wait, change in enumerate(changes, start=1):
                due[number + wait * 7].append((subscribed, *change))
            for change in due.pop(number, ()):
                await self._change(*change)
        for change in itertools.chain.from_iterable(due.values()):
            await self._change(*change)
        self._is_done = True
        self._calls.release()
        await emitting

    async def _create(self, number, wants, request):
        request = request | {"target_url": f"{self.target_url}/{self.company}/{number}"}
        identifier = json_of(await self.client.post("/webhooks/subscriptions", json=request), 201)["id"]
        [(no, start)] = await self._query(
            "SELECT no, start_position FROM subscriptions WHERE id = :id", id=identifier
        )
        subscribed = Subscribed(identifier, no, [Wish(wants, start, start)])
        self.subscribed.append(subscribed)
        self._calls.release()
        return subscribed

    async def _change(self, subscribed, wants, method, body):
        [(cursor,)] = await self._query(
            "SELECT cursor FROM shards WHERE shard = :shard", shard=shard_of(self.company, 16)
        )
        url = f"/webhooks/subscriptions/{subscribed.id}"
        answer = await self.client.request(method, url, json=body)
        assert answer.status_code in {200, 204}, answer.text
        if wants is not None:
            [(head,)] = await self._query("SELECT position FROM stream_head")
            subscribed.wishes.append(Wish(wants, cursor, head))
        self._calls.release()

    async def _emit(self):
        for number in itertools.count():
            for _ in range(CALLS_PER_EVENT):
                if self._is_done:
                    return
                await self._calls.acquire()
            kind = (LEAD, CLIENT)[number % 2]
            payload = {**PAYLOADS[kind], "client_id": 1 + number * 37 % 100}
            answer = json_of(await self.client.post("/events", json={"type": kind, "payload": payload}), 201)
            self.events.append(answer)

    async def _query(self, statement, **values):
        async with self.database.read() as connection:
            return (await connection.execute(text(statement), values)).all()


async def test_a_thousand_subscriptions_get_exactly_what_they_asked_for_at_the_time(
    deploy, database_url, receiver, until
):
    engine = make_url(database_url).get_backend_name()
    deployment = deploy(database_url)
    await deployment.set_up(*COMPANIES[engine])
    process = await deployment.serve()
    if engine == "postgresql":
        await deployment.work()
    async with EngineDatabase(database_url) as database:
        customers = [
            Customer(company, deployment.client(process, company), database, receiver.url)
            for company in COMPANIES[engine]
        ]
        await asyncio.gather(*(customer.live() for customer in customers))
        for customer in customers:
            await customer.client.aclose()
    await until(lambda: _is_quiet(deployment), what="the end of everything")
    await deployment.check_balance()
    rows = await deployment.query("SELECT position, subscription_no, status FROM deliveries")
    ledger = {(row.position, row.subscription_no): row.status for row in rows}
    certain = _check(customers, ledger)
    received = {request.headers["trunkline-delivery-id"] for request in receiver.requests}
    delivered = {f"dlv_{p}_{no}" for (p, no), status in ledger.items() if status == "delivered"}
    assert delivered <= received <= {f"dlv_{p}_{no}" for p, no in ledger}
    print(
        f"{sum(len(customer.subscribed) for customer in customers)} subscriptions, {len(ledger)} deliveries, "
        f"{certain:.0%} of the changed ones foretold, {receiver.count - len(received)} pushes more than deliveries"
    )
    assert certain > 0.8


def _check(customers, ledger):
    """Compare each subscription's expectations with its deliveries; return the certain share of the changed ones."""
    answers = Counter()
    for customer in customers:
        for subscribed, event in itertools.product(customer.subscribed, customer.events):
            status, possible = ledger.get((event["id"], subscribed.no)), subscribed.possible(event)
            assert (status is not None) in possible, (subscribed, event, status)
            assert status in {None, "delivered"} or subscribed.wishes[-1].wants is is_none
            if len(subscribed.wishes) > 1:
                answers[len(possible)] += 1
    return answers[1] / answers.total()


async def _is_quiet(deployment):
    [(behind, open_, replays)] = await deployment.query(
        "SELECT (SELECT count(*) FROM shards, stream_head WHERE cursor < position), "
        "(SELECT count(*) FROM deliveries WHERE status = 'pending'), "
        "(SELECT count(*) FROM replays WHERE status = 'running')"
    )
    return not behind and not open_ and not replays


async def test_a_subscription_deleted_while_its_deliveries_are_in_flight_ends_them_all(
    deploy, database_url, receiver, until
):
    deployment = deploy(database_url)
    await deployment.set_up(1)
    receiver.always(Answer(200, delay_seconds=1), path="/quick")
    receiver.always(Answer(500, delay_seconds=1), path="/failing")
    ended = asyncio.Event()

    async def slow(connection):
        await ended.wait()
        await Answer(200)(connection)

    receiver.always(slow, path="/slow")
    process = await deployment.serve()
    async with deployment.client(process, 1) as client:
        made = {
            path: await _subscribe(client, receiver, path)
            for path in ("/quick", "/failing", "/slow", "/kept")
        }
        events = [
            (await client.post("/events", json=deployment.event(1 + number))).json()["id"]
            for number in range(30)
        ]
        await until(lambda: _reached(receiver) >= made.keys(), what="a push to each")
        for path in ("/quick", "/failing"):
            assert (await client.delete(f"/webhooks/subscriptions/{made[path]}")).status_code == 204
        claimed = await until(lambda: _claimed(deployment), what="rows for what takes long")
        assert (await client.delete(f"/webhooks/subscriptions/{made['/slow']}")).status_code == 204
        deleted = time.monotonic_ns()
        ended.set()
    await until(lambda: _is_quiet(deployment), what="the end of everything")
    await asyncio.sleep(6)  # no attempt that is still in flight may change anything
    rows = await deployment.query(
        "SELECT s.target_url, d.position, d.status FROM deliveries d JOIN subscriptions s ON s.no = d.subscription_no "
        "ORDER BY d.position"
    )
    ends = defaultdict(lambda: defaultdict(list))
    for url, position, status in rows:
        ends[url.removeprefix(receiver.url)][status].append(position)
    assert ends["/kept"] == {"delivered": events}
    for path in ("/quick", "/failing", "/slow"):
        assert sorted(itertools.chain.from_iterable(ends[path].values())) == events
    assert set(ends["/quick"]) | set(ends["/slow"]) <= {"delivered", "gone"}
    assert set(ends["/failing"]) == {"gone"}
    assert claimed <= set(ends["/slow"]["gone"]), (
        "an answer that comes later changes nothing in what has ended"
    )
    late = [r.path for r in receiver.requests if r.received_at > deleted + 5e9]
    assert late == [], "what waits in memory for a place waits for two seconds at most"
    await deployment.check_balance()


async def _subscribe(client, receiver, path):
    request = {"target_url": receiver.url + path, "event_types": ["*"]}
    return (await client.post("/webhooks/subscriptions", json=request)).json()["id"]


def _reached(receiver):
    return {request.path for request in receiver.requests}


async def _claimed(deployment):
    """Give the events with a slow delivery that has a row in the ledger."""
    rows = await deployment.query(
        "SELECT d.position FROM deliveries d JOIN subscriptions s ON s.no = d.subscription_no "
        "WHERE d.claimed_by IS NOT NULL AND s.target_url LIKE '%/slow'"
    )
    return {row.position for row in rows}
