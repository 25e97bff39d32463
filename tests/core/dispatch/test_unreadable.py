"""A subscription with undecryptable secrets is disabled; a process whose own keys are wrong disables no subscription."""

import asyncio
import logging
import time

import pytest
from pydantic import SecretStr
from tests.answers import json_of
from tests.core.dispatch.conftest import House
from tests.statements import execute, scalar
from tests.waiting import until

from trunkline.access.secret_checks import check_values
from trunkline.access.vault import Vault
from trunkline.hub.hub import Hub
from trunkline.store import secrets as secret_store
from trunkline.store import subscriptions as store

STRANGER = Vault(pepper="s" * 32, encryption_key="s" * 32)


async def _spoil(hub, no, sealed=None):
    """Write a value that another key encrypted, and let dispatchers read the row again."""
    async with hub.engines.write() as connection:
        row = await store.by_number(connection, no)
        await store.update(
            connection, no, {"sealed": sealed or STRANGER.seal(b"{}", context=row.id.encode())}
        )


async def _is_disabled(house, no):
    row = await house.subscription(no)
    return (row["status"], row["disabled_reason"]) == ("disabled", "unreadable")


async def test_it_is_disabled_and_told_once_and_everybody_else_goes_on(open_house, receiver, caplog):
    caplog.set_level(logging.WARNING)
    async with open_house() as house:
        broken = await house.subscribe(f"{receiver.url}/broken")
        neighbour = await house.subscribe(f"{receiver.url}/neighbour")
        stranger = await house.subscribe(f"{receiver.url}/stranger", company=17)
        await house.deliver(3, to=[broken, neighbour])
        await _spoil(house.hub, broken)
        await house.emit(3, to=[neighbour])
        await house.deliver(3, to=[stranger], company=17)
        await house.until(lambda: _is_disabled(house, broken))
        assert house.hub.dispatcher.state == "ok"
        identifier = (await house.subscription(broken))["id"]
        told = [r for r in caplog.records if getattr(r, "reason", None) == "unreadable"]
        assert [r.subscription_id for r in told] == [identifier]
        assert "give it a new secret" in told[0].message


async def test_a_starting_hub_disables_it_and_opens_values_of_an_older_key(
    open_house, make_settings, receiver
):
    async with open_house(dispatch=False) as house:
        broken = await house.subscribe(f"{receiver.url}/broken")
        neighbour = await house.subscribe(f"{receiver.url}/neighbour")
        await _spoil(house.hub, broken)
    given = make_settings()
    auth = given.auth.model_copy(
        update={"encryption_key": SecretStr("n" * 32), "other_encryption_keys": (given.auth.encryption_key,)}
    )
    async with Hub(given.model_copy(update={"auth": auth})) as hub:
        house.hub = hub
        assert await _is_disabled(house, broken)
        await house.deliver(2, to=[neighbour])
        assert {request.path for request in receiver.requests} == {"/neighbour"}


async def test_several_workers_disable_it_once(make_settings, postgres_database_url, receiver, caplog):
    given = make_settings(url=postgres_database_url)
    async with Hub(given) as first, Hub(given) as second:
        house = House(first)
        broken = await house.subscribe(f"{receiver.url}/broken")
        await house.deliver(1, to=[broken])
        await _spoil(first, broken)
        await house.until(lambda: _is_disabled(house, broken))
        await house.until(house.routing_is_fresh)
        await house.until(House(second).routing_is_fresh)
        assert len([r for r in caplog.records if getattr(r, "reason", None) == "unreadable"]) == 1


async def test_with_the_key_back_it_catches_up_with_all_that_it_missed(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.deliver(2, to=[no])
        whole = (await house.subscription(no))["sealed"]
        await _spoil(house.hub, no)
        await house.until(lambda: _is_disabled(house, no))
        await house.emit(5, to=[no])
        await house.until(house.is_read)
        await _spoil(house.hub, no, bytes(whole))
        await house.change(no, status="active")
        await house.check_settled()


async def test_with_a_new_secret_it_goes_on_too(open_house, receiver):
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h", headers={"X-Team": "blue"})
        identifier = (await house.subscription(no))["id"]
        await _spoil(house.hub, no)
        await house.until(lambda: _is_disabled(house, no))
        await house.emit(5, to=[no])
        await house.until(house.is_read)
        made = await house.hub.subscriptions.rotate_secret(
            92, identifier, channel="webhooks", overlap_seconds=600
        )
        assert made["secret"].startswith("whsec_")
        await house.change(no, headers={"X-Team": "red"}, status="active")
        await house.check_settled()
        assert {request.headers["x-team"] for request in receiver.requests} == {"red"}


async def test_what_was_due_waits_until_it_goes_on(open_house, receiver):
    async with open_house(retry_schedule_seconds=",".join(["0.3"] * 200), breaker_failures="1000") as house:
        no = await house.subscribe(f"{receiver.url}/h")
        receiver.answer(500)
        await house.emit(1, to=[no])
        await house.until(lambda: receiver.requests)
        whole = (await house.subscription(no))["sealed"]
        await _spoil(house.hub, no)
        await house.until(lambda: _is_disabled(house, no))
        receiver.answer(200)
        await _spoil(house.hub, no, bytes(whole))
        await house.change(no, status="active")
        await house.check_settled(delivered=1)


async def _replace_key(hub):
    async with hub.engines.write() as connection:
        value = check_values(STRANGER)["encryption_key"]
        await secret_store.replace_check(connection, "encryption_key", value)


async def test_a_process_whose_keys_were_replaced_disables_nobody_and_ends(open_house, receiver, caplog):
    async with open_house() as house:
        numbers = [await house.subscribe(f"{receiver.url}/{n}") for n in range(3)]
        await _replace_key(house.hub)
        for no in numbers:
            await _spoil(house.hub, no)
        await asyncio.wait_for(house.hub.dispatcher.failed(), 40)
        rows = await house.query("SELECT status FROM subscriptions")
        assert {row["status"] for row in rows} == {"active"}
        assert any("auth.encryption_key" in r.message for r in caplog.records if r.levelname == "CRITICAL")


@pytest.fixture
async def broken(running):
    """Give a subscription that the hub has disabled, and one beside it."""
    request = {"target_url": "http://127.0.0.1:9/h", "event_types": ["*"], "headers": {"X-Team": "blue"}}
    create = running.hub.subscriptions.create
    made = await create(running.company_id, request, channel="webhooks")
    await create(running.company_id, request, channel="webhooks")
    no = await scalar(running.hub.engines, "SELECT no FROM subscriptions WHERE id = :id", id=made["id"])
    await _spoil(running.hub, no)

    async def disabled():
        view = (await running.client.get(f"/api/v1/webhooks/subscriptions/{made['id']}")).json()
        return view if view["status"] == "disabled" else None

    return await until(disabled)


async def test_lists_show_it_and_the_reason(running, broken):
    listed = (await running.client.get("/api/v1/subscriptions")).json()["subscriptions"]
    shown = [(view["status"], view["disabled_reason"]) for view in listed]
    assert shown == [("disabled", "unreadable"), ("active", None)]
    assert broken["headers"] == {}
    assert "secret" not in broken
    base = f"/api/v1/webhooks/subscriptions/{broken['id']}"
    assert (await running.client.get(f"{base}/deliveries")).status_code == 200
    now_ms = int(time.time() * 1000)
    overview = await running.hub.activity.overview(
        running.company_id, since_ms=now_ms - 3_600_000, until_ms=now_ms
    )
    assert any("do not open" in entry.sentence for entry in overview.attention)


@pytest.mark.parametrize(
    "change", [{"status": "active"}, {"headers": {}}, {"target_url": "http://127.0.0.1:8/h"}]
)
async def test_what_needs_its_secrets_is_refused_with_what_to_do(running, broken, change):
    answer = json_of(
        await running.client.patch(f"/api/v1/webhooks/subscriptions/{broken['id']}", json=change), 409
    )
    assert "Rotate its secret" in answer["detail"]


async def test_the_rest_of_it_is_changed_tried_replayed_and_deleted(running, broken):
    base = f"/api/v1/webhooks/subscriptions/{broken['id']}"
    assert (await running.client.patch(base, json={"description": "later"})).status_code == 200
    assert (await running.client.post(f"{base}/test")).status_code == 409
    assert (await running.client.post(f"{base}/replay", json={"dry_run": True})).status_code == 200
    assert (await running.client.post(f"{base}/replay", json={})).status_code == 202
    assert (await running.client.delete(base)).status_code == 204


async def test_subscribing_again_makes_a_new_one_beside_it(running, broken):
    request = {"target_url": "http://127.0.0.1:9/h", "event_types": ["*"], "filter": None}
    await execute(
        running.hub.engines,
        "DELETE FROM subscriptions WHERE company_id = :company AND status = 'active'",
        company=running.company_id,
    )
    view, is_new = await running.hub.subscriptions.subscribe(running.company_id, request, channel="webhooks")
    assert is_new
    assert view["status"] == "active"


async def test_a_secret_is_not_replaced_by_a_process_whose_keys_are_wrong(database_url, make_hub):
    running = await make_hub(database_url, dispatch=False)
    request = {"target_url": "http://127.0.0.1:9/h", "event_types": ["*"]}
    made = await running.hub.subscriptions.create(running.company_id, request, channel="webhooks")
    await _replace_key(running.hub)
    await _spoil(running.hub, await scalar(running.hub.engines, "SELECT no FROM subscriptions"))
    answer = await running.client.post(f"/api/v1/webhooks/subscriptions/{made['id']}/rotate-secret")
    assert answer.status_code == 503
