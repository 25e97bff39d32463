"""Reading events: in order, exactly once, and without delay for a waiting poll."""

import asyncio
import json
import time

import pytest
from sqlalchemy import text
from tests.answers import json_of, paths
from tests.payloads import FAILED
from tests.waiting import until

from trunkline.model import cursors
from trunkline.model.event_groups import type_groups
from trunkline.stream import filtered_pages
from trunkline_polling import routes

LEAD = {"client_id": 7, "first_name": "Jane", "last_name": "Doe", "email": "jane@example.com", "phone": None}
LEAD |= {"status": "Lead - New", "status_id": 10, "created_date": "2026-01-28T10:30:00Z"}


def lead(number: int = 7, **changes):
    return {"type": "lead.created", "payload": {**LEAD, "client_id": number}, **changes}


def failed():
    return {"type": "payment.failed", "payload": FAILED}


async def emit(client, *events) -> list[int]:
    answer = json_of(await client.post("/api/v1/events/batch", json={"events": list(events)}), 201)
    return [event["id"] for event in answer["events"]]


async def page(client, **query):
    answer = await client.get("/api/v1/events", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def ids(answer) -> list[int]:
    return [event["id"] for event in answer.json()["events"]]


def named(answer) -> list[str]:
    return paths(answer, 400)


async def test_following_the_cursor_shows_each_event_once_and_the_header_only_while_more_waits(running):
    written = await emit(running.client, *(lead(n) for n in range(1, 6)))

    first = await page(running.client, limit=2)
    second = await page(running.client, limit=2, cursor=first.json()["next_cursor"])
    third = await page(running.client, limit=2, cursor=second.json()["next_cursor"])
    empty = await page(running.client, limit=2, cursor=third.json()["next_cursor"])

    pages = [ids(answer) for answer in (first, second, third, empty)]
    assert pages == [written[:2], written[2:4], written[4:], []]
    for answer in (first, second):
        assert answer.headers["x-paging-cursor"] == answer.json()["next_cursor"]
    for answer in (third, empty):
        assert "x-paging-cursor" not in answer.headers
    assert empty.json()["next_cursor"] == third.json()["next_cursor"]


async def test_the_header_is_absent_when_a_page_is_just_full(running):
    await emit(running.client, lead(), lead())
    assert "x-paging-cursor" not in (await page(running.client, limit=2)).headers


async def test_an_empty_stream_gives_a_cursor_that_finds_what_comes(running):
    cursor = (await page(running.client)).json()["next_cursor"]
    written = await emit(running.client, lead())
    assert ids(await page(running.client, cursor=cursor)) == written


async def test_fifty_events_are_a_page_by_default_and_two_hundred_at_most(api):
    await emit(api.client, *(lead(n) for n in range(1, 252)))
    assert len(ids(await page(api.client))) == 50
    assert len(ids(await page(api.client, limit=200))) == 200
    assert len(ids(await page(api.client, limit=1))) == 1


async def test_types_are_read_in_any_case_and_several_keep_the_order_of_the_stream(running):
    first, second, third, _ = await emit(
        running.client, lead(), failed(), lead(), {"type": "client.created", "payload": LEAD}
    )
    assert ids(await page(running.client, types="LEAD.Created")) == [first, third]
    several = await page(running.client, types="payment.failed, Lead.created,lead.created")
    assert ids(several) == [first, second, third]
    assert ids(await page(running.client, types="*")) == ids(await page(running.client))
    limited = await page(running.client, types="lead.created,payment.failed", limit=2)
    assert ids(limited) == [first, second]
    rest = await page(running.client, types="lead.created", cursor=limited.json()["next_cursor"])
    assert ids(rest) == [third]


async def test_types_are_worked_out_once_however_often_a_request_names_them(running, monkeypatch):
    """Check the cost of a head with thousands of names, which are handled in the event loop."""
    worked_out: list[list[str]] = []
    monkeypatch.setattr(
        routes, "type_groups", lambda names: worked_out.append(type_groups(names)) or worked_out[-1]
    )
    await page(running.client, types=",".join(["lead.*", "invoice.created"] * 500))
    assert len(worked_out) == 1


async def test_a_company_sees_its_own_events_only(running):
    other = await running.client_of(running.neighbour_id)
    mine = await emit(running.client, lead())
    theirs = await emit(other, lead())

    assert ids(await page(running.client)) == mine
    assert ids(await page(other)) == theirs
    assert (await other.get(f"/api/v1/events/{mine[0]}")).status_code == 404
    assert (await other.get("/api/v1/events/sample?type=lead.created")).json()[0]["id"] == theirs[0]
    named_one = await running.operator.get(
        "/api/v1/events", headers={"X-Company-Id": str(running.neighbour_id)}
    )
    assert ids(named_one) == theirs


@pytest.mark.own_hub
async def test_since_is_the_time_of_acceptance_and_inclusive(running):
    first, second, third = [
        (await emit(running.client, lead(createdUtc="2020-01-01T00:00:00Z")))[0] for _ in range(3)
    ]
    async with running.hub.engines.write() as connection:
        for position, accepted in (
            (first, 1_769_596_200_000),
            (second, 1_769_596_200_718),
            (third, 1_769_596_200_719),
        ):
            await connection.execute(
                text("UPDATE events SET accepted_ms = :ms WHERE position = :p"),
                {"ms": accepted, "p": position},
            )
        before = text("UPDATE events SET accepted_ms = :ms WHERE position < :p")
        await connection.execute(before, {"ms": 1_769_596_199_999, "p": first})

    assert ids(await page(running.client, since="2026-01-28T10:30:00Z")) == [first, second, third]
    assert ids(await page(running.client, since="2026-01-28T10:30:00.718Z")) == [second, third]
    assert ids(await page(running.client, since="2026-01-28T12:30:00.719+02:00")) == [third]
    assert ids(await page(running.client, since="2026-01-28T10:30:00.720Z")) == []
    assert ids(await page(running.client, since="2026-01-28T10:30:00.718Z", limit=1)) == [second]


async def test_after_an_empty_since_the_cursor_goes_on_with_what_comes(running):
    await emit(running.client, lead())
    answer = await page(running.client, since="2999-01-01T00:00:00Z")
    written = await emit(running.client, lead())
    assert ids(answer) == []
    assert ids(await page(running.client, cursor=answer.json()["next_cursor"])) == written


async def test_an_empty_value_counts_as_absent(api):
    written = await emit(api.client, lead())
    answer = await api.client.get("/api/v1/events?types=&cursor=&limit=&since=&wait=")
    assert (answer.status_code, ids(answer)) == (200, written)


WRONG_QUERIES = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=-1", "limit"),
    ("limit=1.0", "limit"),
    ("limit=%D9%A1", "limit"),
    ("limit=1&limit=2", "limit"),
    ("wait=31", "wait"),
    ("wait=-1", "wait"),
    ("wait=nan", "wait"),
    ("wait=1e1", "wait"),
    ("wait=1.5", "wait"),
    ("wait=soon", "wait"),
    ("types=no.such", "types"),
    ("types=lead.created,no.such", "types"),
    ("since=yesterday", "since"),
    ("since=2026-01-28", "since"),
    ("since=2026-01-28T10:30:00", "since"),
    ("since=1769596200", "since"),
    ("cursor=zz", "cursor"),
    ("cursor=ZTE6MQ%3D%3D", "cursor"),
    ("types=%00", "types"),
    ("typo=1", "typo"),
    ("TYPES=lead.created", "TYPES"),
]


async def test_what_a_query_gets_wrong_is_named(api):
    for query, name in WRONG_QUERIES:
        answer = await api.client.get(f"/api/v1/events?{query}")
        assert named(answer) == [name]
        assert name in answer.json()["detail"]


async def test_an_unknown_type_is_named_together_with_those_that_are_known(api):
    detail = (await api.client.get("/api/v1/events?types=lead.created,no.such")).json()["detail"]
    assert "'no.such'" in detail
    assert "client.created" in detail


async def test_a_cursor_and_since_do_not_go_together(api):
    cursor = (await page(api.client)).json()["next_cursor"]
    answer = await api.client.get(
        "/api/v1/events", params={"cursor": cursor, "since": "2026-01-28T10:30:00Z"}
    )
    assert named(answer) == ["since"]


@pytest.mark.parametrize(
    "query", [{}, {"wait": 5}, {"types": "lead.created"}, {"filter": '{"payload.client_id": 1}'}]
)
async def test_a_cursor_beyond_the_newest_event_is_told_how_to_go_on(api, query):
    cursor = cursors.encode(2**40)
    answer = json_of(await api.client.get("/api/v1/events", params={"cursor": cursor, **query}), 410)
    assert answer["type"] == "urn:trunkline:problem:cursor-unknown"
    assert "Send 'since' with the time" in answer["detail"]
    subscription = {"target_url": "https://93.184.215.14/", "event_types": ["*"], "start": cursor}
    refused = await api.client.post("/api/v1/webhooks/subscriptions", json=subscription)
    assert (refused.status_code, refused.json()["type"]) == (410, answer["type"])


async def test_the_cursor_of_another_list_is_refused(running, receiver):
    made = await running.subscribe(receiver.url)
    await emit(running.client, lead(1), lead(2))
    await receiver.wait_for(2)
    url = f"/api/v1/webhooks/subscriptions/{made['id']}/deliveries"

    async def cursor_of_log() -> str | None:
        return (await running.client.get(url, params={"limit": 1})).json()["next_cursor"]

    cursor = await until(cursor_of_log)
    assert named(await running.client.get("/api/v1/events", params={"cursor": cursor})) == ["cursor"]
    events_cursor = (await page(running.client)).json()["next_cursor"]
    assert named(await running.client.get(url, params={"cursor": events_cursor})) == ["cursor"]


async def test_a_poller_sees_each_event_once_and_in_order_while_many_write(running):
    written: list[int] = []

    async def write(number: int) -> None:
        for step in range(15):
            sent = (lead(number), failed(), lead(number)) if step % 3 == 0 else (lead(number),)
            written.extend(await emit(running.client, *sent))

    seen: list[int] = []
    writers = asyncio.gather(*(write(number) for number in range(1, 9)))
    cursor = None
    while not writers.done() or len(seen) < len(written):
        answer = await page(running.client, limit=7, **({"cursor": cursor} if cursor else {}))
        seen.extend(ids(answer))
        cursor = answer.json()["next_cursor"]
    await writers

    assert seen == sorted(written)
    assert len(set(written)) == 8 * (5 * 3 + 10)


async def waiting(client, **query):
    started = asyncio.create_task(page(client, wait=10, **query))
    await asyncio.sleep(0.1)
    assert not started.done()
    return started


@pytest.fixture
def nobody_looks(monkeypatch):
    """Let a waiting poll end only if it is woken."""
    monkeypatch.setattr("trunkline.stream.pages.LOOK_SECONDS", 600)


@pytest.mark.usefixtures("nobody_looks")
async def test_a_long_poll_ends_at_once_with_an_event_of_its_company_and_type(running):
    other = await running.client_of(running.neighbour_id)
    await emit(other, lead())
    poll = await waiting(running.client, types="lead.created")

    await emit(other, lead())
    await emit(running.client, failed())
    await asyncio.sleep(0.15)
    assert not poll.done(), "neither another company's event nor one of another type ends it"

    written = await emit(running.client, lead())
    assert ids(await poll) == written


@pytest.mark.usefixtures("nobody_looks")
async def test_a_long_poll_is_woken_by_an_event_that_another_process_accepted(
    postgres_database_url, make_hub
):
    here = await make_hub(postgres_database_url, dispatch=False)
    there = await make_hub(postgres_database_url, dispatch=False)
    for _ in range(20):  # until here listens to there
        since = (await page(here.client)).json()["next_cursor"]
        poll = asyncio.create_task(page(here.client, wait=2, cursor=since))
        await asyncio.sleep(0.1)
        written = await emit(there.client, lead())
        if found := ids(await poll):
            break
    assert found == written


async def test_a_long_poll_does_not_wait_when_there_is_something_to_read(api):
    written = await emit(api.client, lead())
    began = time.monotonic()
    assert ids(await page(api.client, wait=10)) == written
    assert time.monotonic() - began < 9


async def test_a_long_poll_ends_empty_when_its_time_is_up(api):
    began = time.monotonic()
    answer = await page(api.client, wait=1)
    assert ids(answer) == []
    assert answer.json()["next_cursor"]
    assert 1 <= time.monotonic() - began < 20


@pytest.mark.parametrize("query", [{}, {"filter": '{"payload.client_id": 7}'}], ids=["any", "filtered"])
async def test_a_long_poll_from_a_future_time_is_not_ended_by_what_comes_before_it(running, query):
    poll = asyncio.create_task(page(running.client, wait=1, since="2999-01-01T00:00:00Z", **query))
    await asyncio.sleep(0.1)
    await emit(running.client, lead())
    assert ids(await poll) == []


async def test_many_long_polls_of_a_company_all_get_the_event(running):
    polls = [asyncio.create_task(page(running.client, wait=10)) for _ in range(30)]
    await asyncio.sleep(0.2)
    written = await emit(running.client, lead())
    assert [ids(answer) for answer in await asyncio.gather(*polls)] == [written] * 30


@pytest.mark.own_hub
async def test_a_hub_that_stops_answers_its_long_polls_first(api):
    poll = await waiting(api.client)
    began = time.monotonic()
    api.hub.streaming.release()
    assert ids(await poll) == []
    assert time.monotonic() - began < 9


NO_IDS = ["0", "77777777", "9223372036854775808", "1" * 40, "-1", "1.0", "abc", "%D9%A1", "1%00"]


async def test_an_id_that_is_none_of_the_companys_is_not_found(api):
    for event_id in NO_IDS:
        answer = await api.client.get(f"/api/v1/events/{event_id}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_samples_are_a_bare_array_newest_first_and_three_by_default(running):
    written = await emit(running.client, *(lead(n) for n in range(1, 6)), failed())
    sample = await running.client.get("/api/v1/events/sample?type=LEAD.created")
    assert [event["id"] for event in sample.json()] == written[4:1:-1]
    several = await running.client.get("/api/v1/events/sample?limit=4")
    assert [event["id"] for event in several.json()] == written[5:1:-1]


async def test_a_sample_is_never_empty(api):
    for query in ("type=client.created", "type=client.created&limit=1", ""):
        sample = (await api.client.get(f"/api/v1/events/sample?{query}")).json()
        assert sample
        for event in sample:
            event_type = (await api.client.get(f"/api/v1/event-types/{event['type']}")).json()
            assert (event["payload"], event["companyId"]) == (event_type["example"], api.company_id)
            assert event["createdUtc"].endswith("Z")
    assert (await page(api.client)).json()["events"] == [], "an example is shown, not stored"


async def test_samples_meet_the_filter_and_are_examples_if_none_does(api):
    written = await emit(api.client, *(lead(n) for n in range(1, 6)))

    async def samples(least: int) -> list[dict]:
        query = {"type": "lead.created", "filter": f'{{"payload.client_id": {{"gte": {least}}}}}'}
        return (await api.client.get("/api/v1/events/sample", params=query)).json()

    assert [event["id"] for event in await samples(3)] == written[4:1:-1]
    assert [event["id"] for event in await samples(5)] == written[4:]
    example = (await api.client.get("/api/v1/event-types/lead.created")).json()["example"]
    assert [event["payload"] for event in await samples(10**9)] == [example]


WRONG_SAMPLE_QUERIES = [
    ("type=lead.created&filter={", "filter"),
    ('type=lead.created&filter={"payload.no_such":{"eq":1}}', "filter/payload.no_such"),
    ("type=no.such", "type"),
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("types=lead.created", "types"),
    ("type=lead.created,payment.failed", "type"),
]


async def test_what_a_sample_query_gets_wrong_is_named(api):
    for query, name in WRONG_SAMPLE_QUERIES:
        assert named(await api.client.get(f"/api/v1/events/sample?{query}")) == [name]


def filtered(**comparisons):
    return json.dumps(comparisons)


async def test_a_filter_gives_what_meets_it_and_the_cursor_passes_what_does_not(running):
    written = await emit(running.client, *(lead(n) for n in (1, 2, 3, 2, 4)))
    wanted = filtered(**{"payload.client_id": 2})

    first = await page(running.client, filter=wanted, limit=1)
    assert (ids(first), first.headers["x-paging-cursor"]) == (written[1:2], first.json()["next_cursor"])
    second = await page(running.client, filter=wanted, limit=1, cursor=first.json()["next_cursor"])
    assert (ids(second), "x-paging-cursor" in second.headers) == (written[3:4], False)
    vain = await page(running.client, filter=filtered(**{"payload.client_id": 9}))
    assert (ids(vain), ids(await page(running.client, cursor=vain.json()["next_cursor"]))) == ([], [])


async def test_what_a_form_left_empty_in_a_filter_is_no_condition(running):
    written = await emit(running.client, lead(1), failed(), lead(2))
    either = [{"payload.status": {"in": ""}}, {"payload.status": {"exists": False}}]
    left_empty = filtered(all=[{"any": either}], **{"payload.client_id": {"gte": "", "eq": 3}})
    assert ids(await page(running.client, filter=left_empty)) == written[1:2]
    assert ids(await page(running.client, filter="{}")) == written
    assert ids(await page(running.client, filter="")) == written


async def test_a_filter_is_told_what_is_wrong_with_it(running):
    async def refused(filter, **query):
        answer = await running.client.get("/api/v1/events", params={"filter": filter, **query})
        assert answer.status_code == 400, answer.text
        return answer.json()["detail"], named(answer)

    unknown, paths = await refused(filtered(**{"payload.amount": 1}), types="lead.created")
    assert paths == ["filter/payload.amount"]
    assert (
        unknown == "In the query parameter 'filter', 'payload.amount' is in none of the chosen event types."
    )
    assert "'total' must be 'any', 'all', 'not', or a path" in (await refused(filtered(total=1)))[0]
    assert "'any' must be a list" in (await refused(filtered(any=1)))[0]
    for sent in ("{", "[1]", "7", '{"a":' * 900 + "1" + "}" * 900):
        assert (await refused(sent))[1][0].startswith("filter")
    dear = [{"payload.first_name": {"contains": str(n)}} for n in range(40)]
    assert "of 10,000 at most" in (await refused(filtered(any=dear)))[0]


async def test_a_long_poll_with_a_filter_waits_for_what_meets_it(running):
    head = (await page(running.client)).json()["next_cursor"]
    wanted = filtered(**{"payload.client_id": 2})
    poll = asyncio.create_task(page(running.client, filter=wanted, cursor=head, wait=20))
    await emit(running.client, lead(1))
    await asyncio.sleep(0.05)
    assert not poll.done()
    written = await emit(running.client, lead(2))
    assert ids(await poll) == written


async def test_one_call_looks_at_so_many_events_and_says_where_to_go_on(running, monkeypatch):
    monkeypatch.setattr(filtered_pages, "PIECE", 2)
    monkeypatch.setattr(filtered_pages, "MOST_LOOKED_AT", 3)
    written = await emit(running.client, *(lead(n) for n in (1, 1, 1, 1, 2, 1)))
    wanted = filtered(**{"payload.client_id": 2})
    answers, cursor = [], None
    while True:
        answer = await page(running.client, filter=wanted, limit=1, **({"cursor": cursor} if cursor else {}))
        answers.append(ids(answer))
        cursor = answer.headers.get("x-paging-cursor")
        if cursor is None:
            break
    assert answers == [[], written[4:5]]


async def test_a_company_looks_for_events_by_a_filter_once_at_a_time(running, monkeypatch):
    monkeypatch.setattr(filtered_pages, "WAIT_SECONDS", 0.01)
    await emit(running.client, lead(1))
    turns = running.hub.streaming._filtered._turns
    await turns.take(running.company_id)
    answer = await running.client.get("/api/v1/events", params={"filter": '{"payload.client_id": 1}'})
    assert (answer.status_code, "by a filter" in answer.json()["detail"]) == (429, True)
    assert (await page(running.client)).status_code == 200
    turns.give_back(running.company_id)
    assert len(ids(await page(running.client, filter='{"payload.client_id": 1}'))) == 1
