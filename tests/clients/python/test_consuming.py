"""Named consumers, completeness and public keys, by the client, with a running hub."""

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from trunkline_client import AsyncClient, Client, Jwks, MemorySeen, NotGenuine, Refused, verify_webhook

PAYMENT = {"payment_id": 1, "invoice_id": 2, "client_id": 3, "amount_attempted": 9, "failure_reason": "x"}


def emit(hub: Client, count: int) -> list[int]:
    events = [
        {"type": "payment.failed", "payload": PAYMENT | {"payment_id": number}}
        for number in range(1, count + 1)
    ]
    stored: Any = hub.emit_events({"events": events})
    return [event["id"] for event in stored["events"]]


def take(events: Iterator[Any], count: int) -> list[int]:
    return [event.id for event in itertools.islice(events, count)]


async def test_a_consumer_goes_on_after_the_last_page_that_was_handled_whole(served, key, hub):
    ids = emit(hub, 7)
    options: dict[str, Any] = {"start": "beginning", "limit": 3, "lease_seconds": 1}
    first = hub.consume("billing", types=["payment.failed"], **options)
    assert take(first, 4) == ids[:4]  # the page of the fourth is not committed
    first.close()
    async with AsyncClient(served.url, key) as other:
        events = other.consume("billing", limit=3, wait_seconds=5)
        given = [(await anext(events)).id for _ in range(4)]
        assert sorted(given) == ids[3:]  # the first one's leased events come when its lease has expired
        await events.aclose()
    assert hub.get_consumer("billing")["lag"] == 4  # the events after the cursor, including a committed page


def test_consumers_that_share_a_name_get_different_pages_and_a_lost_lease_is_told(hub, caplog):
    ids = emit(hub, 4)
    one = hub.consume("shared", start="beginning", limit=2, lease_seconds=1)
    two = hub.consume("shared", limit=2, lease_seconds=60)
    assert take(one, 1) == ids[:1]
    assert take(two, 2) == ids[2:]
    assert sorted([next(two).id, next(two).id]) == ids[:2]  # the first lease has expired
    later = emit(hub, 1)
    assert take(one, 2) == [ids[1], *later]
    assert "The lease of 2 events of the consumer 'shared' has lapsed" in caplog.text


def test_a_consumer_that_is_missing_is_made_and_reads_from_now_on(hub):
    emit(hub, 2)
    events = hub.consume("fresh", wait_seconds=0)
    with pytest.raises(Refused, match=r"'no\.such'"):
        next(hub.consume("wrong", types=["no.such"]))
    hub.call("PUT", "/api/v1/consumers/fresh", {})
    later = emit(hub, 1)
    assert next(events).id == later[0]


def test_a_consumer_that_is_deleted_while_a_page_is_handled_is_made_again(hub):
    ids = emit(hub, 3)
    events = hub.consume("brief", start="beginning", limit=2)
    assert take(events, 1) == ids[:1]
    hub.call("DELETE", "/api/v1/consumers/brief")
    assert take(events, 4) == [ids[1], *ids]


class Store:
    """A receiver's store, of which a part is lost."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def ids(self, after: int, up_to: int) -> Sequence[int]:
        return self._ids[bisect.bisect_right(self._ids, after) : bisect.bisect_right(self._ids, up_to)]


@pytest.mark.slow
def test_what_is_missing_is_found_in_few_calls_and_completeness_in_one(hub):
    ids = [one for _ in range(11) for one in emit(hub, 1000)]
    calls: list[str] = []
    hub._http.event_hooks["request"].append(lambda request: calls.append(request.url.path))
    complete = hub.verify_complete(Store(ids))
    assert (complete.is_complete, complete.count, len(calls)) == (True, 11_000, 1)
    for lost in (ids[0], ids[4321], ids[-2]):
        calls.clear()
        found = hub.verify_complete(Store([one for one in ids if one != lost]))
        assert (found.missing, found.unknown, found.is_complete) == ((lost,), (), False)
        assert len(calls) in {2, 3}
    emit(hub, 1)
    hub.act("create_lead", first_name="Jane", last_name="Doe", email="jane@example.com")
    last = emit(hub, 1)[0]
    found = hub.verify_complete(Store(ids), from_=complete.to, types=["payment.failed"])
    assert found.missing == (ids[-1] + 1, last)
    assert [event.id for event in hub.fetch(found.missing)] == list(found.missing)
    found = hub.verify_complete(Store([*ids, last + 7]), from_=ids[-1], to=ids[-1] + 1)
    assert (found.missing, found.unknown) == ((ids[-1] + 1,), ())
    assert hub.verify_complete(Store([]), from_=last).is_complete


def test_a_subscription_with_a_filter_is_compared_too(hub):
    ids = emit(hub, 20)
    wanted = hub.create_webhook_subscription(
        {
            "target_url": "https://example.com/hook",
            "event_types": ["payment.failed"],
            "filter": {"payload.payment_id": {"gt": 15}},
            "start": "earliest",
        }
    )
    seen = MemorySeen()
    assert [seen.seen(one) for one in (*ids[15:19], ids[16])] == [False] * 4 + [True]
    found = hub.verify_complete(seen, subscription=wanted["id"])
    assert (found.count, found.missing, found.unknown) == (5, (ids[19],), ())
    seen.seen(ids[19])
    seen.seen(ids[3])
    assert hub.verify_complete(seen, subscription=wanted["id"]).unknown == (ids[3],)


def test_keys_are_found_by_jwks_and_a_rotated_one_is_known_at_once(served, hub):
    made = hub.create_webhook_subscription(
        {"target_url": "https://example.com/hook", "event_types": ["*"], "signature": "ed25519"}
    )
    keys = Jwks(f"{served.url}/.well-known/jwks.json?company={hub.get_me()['company_id']}")
    assert keys.keys() == [made["public_key"]]
    rotated: Any = hub.rotate_webhook_subscription_secret(made["id"], {"overlap_seconds": 60})
    assert keys.keys() == [made["public_key"]]  # from the cache
    fresh = Jwks(f"{served.url}/.well-known/jwks.json?subscription={made['id']}")
    assert set(fresh.keys()) == {made["public_key"], rotated["public_key"]}
    with pytest.raises(NotGenuine) as refused:
        verify_webhook(b"{}", {}, secret=fresh)
    assert refused.value.code == "missing"
