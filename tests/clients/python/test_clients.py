"""Both clients against a running hub."""

import itertools
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.clients.serving import Served
from tests.payloads import PAID

from trunkline_client import (
    AsyncClient,
    Client,
    EventQuarantined,
    HubError,
    Place,
    PlaceFile,
    Refused,
    Unanswered,
)

PAYMENT = PAID | {"payment_amount": Decimal("99.00")}
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}


def take(events: Iterator[Any], count: int) -> list[Any]:
    return list(itertools.islice(events, count))


def test_events_are_followed_from_the_place_where_a_program_stopped(hub, tmp_path):
    emitted = [hub.emit("payment.succeeded", PAYMENT | {"payment_id": number}) for number in range(1, 6)]
    places = PlaceFile(tmp_path / "place.json")
    events = hub.follow(places)
    assert take(events, 3) == emitted[:3]
    assert places.load() == Place(None, emitted[1].id)  # the third is still being handled
    assert take(hub.follow(places), 3) == emitted[2:]
    assert emitted[0].payload["payment_amount"] == Decimal("99.00")
    assert str(emitted[0].payload["payment_amount"]) == "99.00"


def test_following_waits_for_what_comes(hub, tmp_path):
    later = threading.Timer(0.3, lambda: hub.emit("payment.succeeded", PAYMENT))
    later.start()
    (event,) = take(hub.follow(PlaceFile(tmp_path / "place.json"), types=["payment.succeeded"]), 1)
    assert event.type == "payment.succeeded"
    later.join()


def test_following_goes_on_when_the_hub_comes_back(served, hub, tmp_path):
    first = hub.emit("payment.succeeded", PAYMENT)
    events = hub.follow(PlaceFile(tmp_path / "place.json"), wait_seconds=0.2)
    assert next(events) == first
    got: list[Any] = []
    follower = threading.Thread(target=lambda: got.append(next(events)))
    served.__exit__()
    follower.start()
    time.sleep(0.3)  # long enough for a call that fails to connect
    with served:
        second = hub.emit("payment.succeeded", PAYMENT | {"payment_id": 2})
        follower.join(60)
    assert got == [second]
    served.__enter__()


def test_an_action_a_search_and_a_lookup(hub):
    made = hub.act("create_lead", **LEAD)
    assert made["status"] == "Lead - New"
    lead = hub.search("find_lead", email="JANE.DOE@example.com")
    assert lead is not None
    assert lead["client_id"] == made["client_id"]
    assert hub.search("find_lead", email="nobody@example.com") is None
    changed = hub.act("update_lead", client_id=made["client_id"], city="Austin")
    assert changed["success"] is True
    assert "Lead - New" in [status["name"] for status in hub.lookup("client-statuses")]


async def test_a_field_that_is_none_is_cleared_and_a_field_left_out_is_kept(served, key, hub):
    client_id = hub.act("create_client", **LEAD, phone="5125550123", city="Austin")["client_id"]
    hub.act("update_client", client_id=client_id, phone=None)
    async with AsyncClient(served.url, key) as asynchronous:
        await asynchronous.act("update_client", client_id=client_id, city=None)
    client = hub.search("get_client", client_id=client_id)
    assert client is not None
    assert (client["phone"], client["city"], client["last_name"]) == (None, None, "Doe")
    found = hub.search("find_client", email="jane.doe@example.com", phone=None)
    assert found is not None
    assert found["client_id"] == client_id
    with pytest.raises(TypeError, match="'update_client' needs client_id"):
        hub.act("update_client", client_id=None, city="Austin")


def test_records_are_got_listed_and_deleted(hub):
    made = [hub.act("create_lead", **LEAD | {"email": f"j{number}@example.com"}) for number in range(3)]
    assert hub.search("get_lead", client_id=made[0]["client_id"]) == made[0]
    assert list(hub.search_all("list_leads", limit=2)) == made[::-1]
    assert list(hub.search_all("find_lead", email="j1@example.com")) == [made[1]]
    assert list(hub.search_all("get_lead", client_id=made[0]["client_id"])) == [made[0]]
    assert list(hub.search_all("get_lead", client_id=999_999)) == []
    assert hub.act("archive_client", client_id=made[0]["client_id"])["success"] is True
    assert hub.search("get_lead", client_id=made[0]["client_id"]) is None
    with pytest.raises(HubError, match="There is no client"):
        hub.act("archive_client", client_id=made[0]["client_id"])
    with pytest.raises(TypeError, match="'archive_client' takes no reason"):
        hub.act("archive_client", client_id=1, reason="x")


def test_a_lookup_goes_through_all_its_pages(hub):
    for number in range(60):
        hub.act("create_lead", first_name="Jane", last_name=f"{number:03}", email=f"j{number}@example.com")
    names = [client["full_name"] for client in hub.lookup("clients")]
    assert names == [f"Jane {number:03}" for number in range(60)]


def test_an_action_that_is_repeated_with_its_key_is_carried_out_once(hub):
    first = hub.act("create_lead", **LEAD, idempotency_key="import-1")
    assert hub.act("create_lead", **LEAD, idempotency_key="import-1") == first


def test_an_event_whose_call_had_no_answer_is_sent_again_and_stored_once(served, hub, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("trunkline_client.client.time.sleep", waits.append)
    stored = hub.emit("payment.succeeded", PAYMENT, idempotency_key="order-7")
    served.__exit__()
    with pytest.raises(Unanswered):
        hub.emit("payment.succeeded", PAYMENT, idempotency_key="order-7")
    assert waits == [0.5, 1, 2]
    with served:
        assert hub.emit("payment.succeeded", PAYMENT, idempotency_key="order-7") == stored
        with pytest.raises(Refused) as refused:
            hub.emit("payment.succeeded", PAYMENT | {"payment_id": 9}, idempotency_key="order-7")
    assert refused.value.status == 409
    served.__enter__()


def test_what_the_hub_refuses_is_told_with_its_fields(hub):
    with pytest.raises(Refused) as refused:
        hub.act("create_lead", first_name="Jane", last_name="Doe", email="no address")
    assert refused.value.status == 422
    assert [path for path, _ in refused.value.errors] == ["/email"]
    assert "/email" in str(refused.value)
    assert refused.value.request_id


def test_what_the_client_cannot_send_is_told_before_it_is_sent(hub):
    with pytest.raises(LookupError, match=r"the hub has no action 'create_led'; it has: .*create_lead"):
        hub.act("create_led")
    with pytest.raises(LookupError, match=r"the hub has no lookup 'employes'; it has: .*employees"):
        list(hub.lookup("employes"))
    with pytest.raises(TypeError, match="'update_lead' needs client_id"):
        hub.act("update_lead", city="Austin")


def test_a_wrong_key_is_not_tried_again(served):
    with Client(served.url, "wlcro_live_92_wrong") as client, pytest.raises(HubError) as refused:
        next(client.follow())
    assert refused.value.status == 401
    assert "wlcro_live_92_wrong" not in repr(refused.value)


def test_a_limit_is_waited_for(sqlite_database_url, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("trunkline_client.client.time.sleep", waits.append)
    limits = {"TRUNKLINE_LIMITS__ENABLED": "true", "TRUNKLINE_LIMITS__READ": "2/minute"}
    with Served(sqlite_database_url, **limits) as served, Client(served.url, served.key) as client:
        list(client.lookup("employees"))
        with pytest.raises(HubError) as refused:
            list(client.lookup("employees"))
    assert refused.value.status == 429
    assert len(waits) == 3
    assert all(1 <= wait <= 60 for wait in waits)


async def test_an_event_that_is_quarantined_is_an_error_with_its_id_and_what_is_wrong(sqlite_database_url):
    modes = {"TRUNKLINE_VALIDATION__TYPES": '{"payment.succeeded": "quarantine"}'}
    broken = PAYMENT | {"payment_amount": "much"}
    with Served(sqlite_database_url, **modes) as served:
        with Client(served.url, served.key) as client, pytest.raises(EventQuarantined) as blocking:
            client.emit("payment.succeeded", broken)
        async with AsyncClient(served.url, served.key) as hub:
            with pytest.raises(EventQuarantined) as asynchronous:
                await hub.emit("payment.succeeded", broken)
    for caught in (blocking.value, asynchronous.value):
        assert caught.quarantine_id.startswith("qtn_")
        assert caught.quarantine_id in str(caught)
        assert [path for path, _ in caught.errors] == ["/payload/payment_amount"]
        assert not caught.is_passing


async def test_an_operators_client_names_the_environment(served):
    operators = served.key_of(None)
    with Client(served.url, operators, environment="test") as hub:
        blocking = hub.emit("payment.succeeded", PAYMENT, company_id=7)
    async with AsyncClient(served.url, operators, environment="test") as hub:
        asynchronous = await hub.emit("payment.succeeded", PAYMENT, company_id=7)
    with Client(served.url, operators) as hub:
        live = hub.emit("payment.succeeded", PAYMENT, company_id=7)
    assert [event.environment for event in (blocking, asynchronous, live)] == ["test", "test", "live"]
    with Client(served.url, served.key_of(-7)) as hub:
        events = hub.follow(wait_seconds=0)
        assert [next(events), next(events)] == [blocking, asynchronous]


async def test_the_asynchronous_client_does_the_same(served, key, tmp_path):
    async with AsyncClient(served.url, key) as hub:
        emitted = await hub.emit("payment.succeeded", PAYMENT)
        made = await hub.act("create_lead", **LEAD)
        lead = await hub.search("find_lead", client_id=made["client_id"])
        assert lead is not None
        assert lead["full_name"] == "Jane Doe"
        assert len([status async for status in hub.lookup("client-statuses")]) == 7
        assert [one async for one in hub.search_all("list_leads", limit=1)] == [lead]
        assert await hub.search("get_lead", client_id=made["client_id"]) == lead
        await hub.act("archive_client", client_id=made["client_id"])
        assert await hub.search("get_lead", client_id=made["client_id"]) is None
        events = hub.follow(PlaceFile(tmp_path / "place.json"))
        assert await anext(events) == emitted
        assert (await anext(events)).type == "lead.created"
        await events.aclose()


async def test_the_asynchronous_client_says_that_it_reaches_nobody(monkeypatch):
    async def no_wait(_seconds: float) -> None: ...

    monkeypatch.setattr("trunkline_client.client.asyncio.sleep", no_wait)
    async with AsyncClient("http://127.0.0.1:9", "key") as hub:
        with pytest.raises(Unanswered, match="the hub cannot be reached") as refused:
            await hub.act("create_lead", **LEAD)
    assert refused.value.status == 0
    assert isinstance(refused.value.__cause__, httpx2.HTTPError)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(kind):
    for key in ("secret ", "sec\nret", "secrét"):
        with pytest.raises(ValueError, match="key has a space") as refused:
            kind("http://127.0.0.1:9", key)
        assert "sec" not in str(refused.value)
