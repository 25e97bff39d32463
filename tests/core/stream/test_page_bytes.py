"""How long a page of events may be."""

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
    pages.cut(92, events(17, 100))
    assert pages.limit_for(92, 200) == 200


def test_a_page_has_one_event_at_least():
    assert len(PageBytes().cut(92, events(2, MAX_PAGE_BYTES + 1))) == 1


async def test_a_client_that_follows_gets_every_event_whatever_the_pages(running, monkeypatch):
    monkeypatch.setattr(page_bytes, "MAX_PAGE_BYTES", 1000)
    monkeypatch.setattr(page_bytes, "_LONG_BYTES", 5)
    for _ in range(12):
        await running.emit("lead.created")
    found, sizes, cursor = [], [], None
    while True:
        query = {"limit": "10"} | ({"cursor": cursor} if cursor else {})
        answer = await running.client.get("/api/v1/events", params=query)
        page = answer.json()
        found += [event["id"] for event in page["events"]]
        sizes.append(len(page["events"]))
        cursor = page["next_cursor"]
        if "x-paging-cursor" not in answer.headers:
            break
    assert len(found) == len(set(found)) == 12
    assert found == sorted(found)
    assert max(sizes) < 10
    sample = await running.client.get("/api/v1/events/sample", params={"limit": "10"})
    assert 1 <= len(sample.json()) < 10
