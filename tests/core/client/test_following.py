"""How far a reader is, without a hub: what counts as handled, and how long a call that failed waits."""

import pytest

from trunkline.client import HubError, Place
from trunkline.client.calls import Attempts
from trunkline.client.following import Following


class Memory:
    """Places that remembers every position that was saved."""

    def __init__(self, place: Place) -> None:
        self.saved = [place]

    def load(self) -> Place:
        return self.saved[-1]

    def save(self, place: Place) -> None:
        self.saved.append(place)


def page(*ids: int, next_cursor: str) -> dict[str, object]:
    events = [
        {"id": position, "type": "a.b", "createdUtc": "2026-01-28T10:30:00Z", "companyId": 92, "payload": {}}
        for position in ids
    ]
    return {"events": events, "next_cursor": next_cursor}


def test_an_event_is_handled_when_the_next_one_is_asked_for_and_the_page_when_its_end_is():
    places = Memory(Place("c0", 0))
    events = Following(places, types=(), since=None, wait_seconds=0).events(page(1, 2, next_cursor="c1"))
    assert next(events).id == 1
    assert places.saved == [Place("c0", 0)]
    assert next(events).id == 2
    assert places.saved[1:] == [Place("c0", 1)]
    assert next(events, None) is None
    assert places.saved[2:] == [Place("c0", 2), Place("c1", 2)]


def test_events_that_were_handled_before_a_kill_are_not_given_again():
    following = Following(Memory(Place("c0", 1)), types=(), since=None, wait_seconds=0)
    assert [event.id for event in following.events(page(1, 2, 3, next_cursor="c1"))] == [2, 3]


def test_the_next_page_goes_on_after_the_position_and_since_counts_only_without_one():
    following = Following(None, types=iter(["a.b", "c.d"]), since="2026-01-01", wait_seconds=30)
    assert following.next_page().query == {
        "limit": "200",
        "wait": "30",
        "types": "a.b,c.d",
        "since": "2026-01-01",
    }
    assert list(following.events(page(next_cursor="c1"))) == []
    assert following.next_page().query == {"limit": "200", "wait": "30", "types": "a.b,c.d", "cursor": "c1"}


def test_waits_grow_to_half_a_minute_and_a_hub_that_names_a_wait_is_obeyed():
    attempts = Attempts(None)
    assert [attempts.wait_after(HubError(503, "busy")) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert attempts.wait_after(HubError(429, "busy", retry_after_seconds=41)) == 41


def test_the_last_attempt_and_a_refusal_raise_the_error():
    last, refusal = HubError(503, "busy"), HubError(422, "no")
    attempts = Attempts(2)
    attempts.wait_after(HubError(503, "busy"))
    with pytest.raises(HubError) as raised:
        attempts.wait_after(last)
    assert raised.value is last
    with pytest.raises(HubError) as raised:
        Attempts(None).wait_after(refusal)
    assert raised.value is refusal
