"""The size of a page of events."""

from trunkline.model.events import Event
from trunkline.stream import page_bytes
from trunkline.stream.page_bytes import MAX_PAGE_BYTES, PageBytes


def events(count: int, size: int) -> list[Event]:
    return [Event(position, 92, "lead.created", 0, b"x" * size, 1) for position in range(1, count + 1)]


def test_a_page_of_short_events_is_whole():
    pages = PageBytes()
    assert len(pages.cut(92, events(200, 1000))) == 200
    assert pages.limit_for(92, 200) == 200


def test_a_page_of_long_events_is_cut_and_fewer_are_read_for_the_next_one():
    pages = PageBytes()
    kept = pages.cut(92, events(200, 64 * 1024))
    assert sum(len(event.body) for event in kept) <= MAX_PAGE_BYTES
    assert len(kept) == 16
    assert pages.limit_for(92, 200) == 17
    assert pages.limit_for(93, 200) == 200


def test_who_has_had_long_events_is_believed_slowly_to_have_short_ones():
    pages = PageBytes()
    pages.cut(92, events(20, 64 * 1024))
    limits: list[int] = []
    for _ in range(5):
        pages.cut(92, events(17, 100))
        limits.append(pages.limit_for(92, 200))
    assert limits == [33, 65, 129, 200, 200]


async def test_the_first_page_of_a_company_is_as_long_as_any_and_few_events_are_read_to_see(running):
    for _ in range(40):
        await running.emit("lead.created")
    for limit, more in ((30, True), (40, False), (200, False)):
        answer = await running.client.get("/api/v1/events", params={"limit": limit})
        assert len(answer.json()["events"]) == min(limit, 40)
        assert ("x-paging-cursor" in answer.headers) is more


def test_a_page_has_one_event_at_least():
    assert len(PageBytes().cut(92, events(2, MAX_PAGE_BYTES + 1))) == 1


async def test_a_first_page_that_is_cut_says_that_more_wait(running):
    event = {"type": "lead.created", "payload": running.events("lead.created")}
    event["metadata"] = {"text": "x" * 50_000}
    stored = await running.client.post("/api/v1/events/batch", json={"events": [event] * 40})
    assert stored.status_code == 201
    answer = await running.client.get("/api/v1/events", params={"limit": 200})
    assert 16 < len(answer.json()["events"]) < 40
    assert "x-paging-cursor" in answer.headers


async def test_a_client_that_follows_gets_every_event_whatever_the_pages(running, monkeypatch):
    monkeypatch.setattr(page_bytes, "MAX_PAGE_BYTES", 1000)
    for _ in range(12):
        await running.emit("lead.created")
    found, query, has_more = [], {"limit": "10"}, True
    while has_more:
        answer = await running.client.get("/api/v1/events", params=query)
        page, has_more = answer.json(), "x-paging-cursor" in answer.headers
        assert len(page["events"]) < 10
        found += [event["id"] for event in page["events"]]
        query["cursor"] = page["next_cursor"]
    assert len(found) == 12
    assert found == sorted(set(found))
    sample = await running.client.get("/api/v1/events/sample", params={"limit": "10"})
    assert 1 <= len(sample.json()) < 10
