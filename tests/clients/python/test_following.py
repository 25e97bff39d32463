"""The steps of ``follow`` and of repeated calls, without a hub."""

from typing import Any

import pytest

from trunkline_client import HubError, Place, Refused, Unanswered, steps
from trunkline_client.hub import Hub
from trunkline_client.steps import Answer, Call, Done, Item, Pause


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


def follow(places: Memory | None, **options: Any) -> Any:
    return Hub.follow.__wrapped__(None, places, **options)


def answered(asked: Any, content: Any) -> Any:
    return steps.resume(asked, Answer(200, {}, content))


def ids(asked: Any, step: Any) -> list[int]:
    """Give the ids of the events before the next call."""
    given = []
    while isinstance(step, Item):
        given.append(step.value.id)
        step = steps.resume(asked)
    return given


def test_an_event_is_handled_when_the_next_one_is_asked_for_and_the_page_when_its_end_is():
    places = Memory(Place("c0", 0))
    asked = follow(places)
    steps.resume(asked)
    assert answered(asked, page(1, 2, next_cursor="c1")).value.id == 1
    assert places.saved == [Place("c0", 0)]
    assert steps.resume(asked).value.id == 2
    assert places.saved[1:] == [Place("c0", 1)]
    assert isinstance(steps.resume(asked), Call)
    assert places.saved[2:] == [Place("c0", 2), Place("c1", 2)]


def test_events_that_were_handled_before_a_kill_are_not_given_again():
    asked = follow(Memory(Place("c0", 1)))
    steps.resume(asked)
    assert ids(asked, answered(asked, page(1, 2, 3, next_cursor="c1"))) == [2, 3]


def test_the_next_page_goes_on_after_the_position_and_since_counts_only_without_one():
    asked = follow(
        None, types=iter(["a.b", "c.d"]), since="2026-01-01", filter={"payload.amount": {"gte": 1}}
    )
    same = {"limit": "200", "wait": "30", "types": "a.b,c.d", "filter": '{"payload.amount":{"gte":1}}'}
    assert steps.resume(asked).query == same | {"since": "2026-01-01"}
    assert answered(asked, page(next_cursor="c1")).query == same | {"cursor": "c1"}


def failures(call: Call, error: HubError, *, tries: int | None, count: int) -> list[float]:
    asked = steps.request(call, tries=tries)
    waits = []
    steps.resume(asked)
    for _ in range(count):
        pause = steps.resume(asked, error)
        assert isinstance(pause, Pause)
        waits.append(pause.seconds)
        assert steps.resume(asked) is call
    return waits


def test_waits_grow_to_half_a_minute_and_a_hub_that_names_a_wait_is_obeyed():
    call, busy = Call("GET", "/"), Unanswered(503, "busy")
    assert failures(call, busy, tries=None, count=8) == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert failures(call, Unanswered(429, "busy", retry_after_seconds=41), tries=None, count=2) == [41, 41]
    assert failures(call, Unanswered(503, "busy", retry_after_seconds=0), tries=None, count=3) == [0.5, 1, 2]


def test_a_wait_that_is_named_is_a_day_at_most():
    with pytest.raises(Unanswered) as raised:
        steps.read(503, {"retry-after": "99999999999999"}, b"")
    assert raised.value.retry_after_seconds == 24 * 3600


KEYED = {"Idempotency-Key": "k"}


@pytest.mark.parametrize(
    ("call", "error", "tries"),
    [
        (Call("GET", "/"), Unanswered(503, "busy"), 4),
        (Call("POST", "/", headers=KEYED), Unanswered(0, "away"), 4),
        (Call("POST", "/", is_idempotent=True), Unanswered(0, "away"), 4),
        (Call("POST", "/"), Unanswered(429, "busy"), 4),
        (Call("POST", "/"), Unanswered(0, "away"), 1),  # two calls might have two effects
        (Call("PATCH", "/"), Unanswered(502, "away"), 1),
        (Call("GET", "/"), Refused(422, "no"), 1),
        (Call("POST", "/", headers=KEYED), Refused(409, "no"), 1),
    ],
)
def test_a_call_is_repeated_if_it_may_be_and_never_after_a_refusal(call, error, tries):
    asked = steps.request(call)
    made: list[Any] = []

    def fail_always() -> None:
        step = steps.resume(asked)
        while not isinstance(step, Done):
            made.append(step)
            step = steps.resume(asked, error if isinstance(step, Call) else None)

    with pytest.raises(HubError) as raised:
        fail_always()
    assert raised.value is error
    assert made.count(call) == tries


PROBLEM = (
    b'{"type":"urn:x","title":"T","status":422,"detail":"No.","errors":[{"path":"/a","message":"is b"}]}'
)


@pytest.mark.parametrize(
    ("status", "kind", "body", "wanted"),
    [
        (422, "application/problem+json", PROBLEM, Refused),
        (409, "application/problem+json", PROBLEM, Refused),
        (429, "application/problem+json", PROBLEM, Unanswered),
        (408, "application/problem+json", PROBLEM, Unanswered),
        (503, "application/problem+json", PROBLEM, Unanswered),
        (404, "text/html", b"<h1>Not Found</h1>", Unanswered),  # from a proxy, while the hub is down
        (403, "application/json", b'{"detail":"Forbidden"}', Unanswered),
        (302, "text/html", b"", Unanswered),
        (200, "text/html; charset=utf-8", b"<h1>Sign in</h1>", Unanswered),
        (200, "application/json", b"{", Unanswered),
        (500, "text/plain", b"\xff", Unanswered),
        (403, "application/problem+json", b'{"title":"Forbidden"}', Unanswered),
        (400, "application/problem+json", b'{"detail":"No.","errors":{"a":["b"]}}', Refused),
        (400, "application/problem+json", b'{"detail":"No.","errors":["a"]}', Refused),
    ],
)
def test_only_the_hub_itself_refuses(status, kind, body, wanted):
    with pytest.raises(HubError) as raised:
        steps.read(status, {"content-type": kind, "retry-after": "7"}, body)
    assert type(raised.value) is wanted
    assert raised.value.is_passing is (wanted is Unanswered)
    if body is PROBLEM:
        assert (raised.value.type, raised.value.errors, raised.value.retry_after_seconds) == (
            "urn:x",
            (("/a", "is b"),),
            7,
        )


@pytest.mark.parametrize(("failures_before", "expected"), [(0, Refused), (1, Done)])
def test_a_deletion_that_an_earlier_try_has_done_is_done(failures_before, expected):
    asked = steps.request(Call("DELETE", "/x"))
    steps.resume(asked)
    for _ in range(failures_before):
        assert isinstance(steps.resume(asked, Unanswered(0, "away")), Pause)
        steps.resume(asked)
    try:
        outcome: object = steps.resume(asked, Refused(404, "There is none."))
    except Refused as refused:
        outcome = refused
    assert type(outcome) is expected
