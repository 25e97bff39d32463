"""Limits of single companies: the limits in force, who may set them, and the sentences at each."""

import pytest
from tests.answers import json_of
from tests.databases import companies_over, limits_over
from tests.payloads import FAILED

from trunkline.access.company_limits import FRESH_SECONDS, CompanyLimits
from trunkline.access.company_paces import Pace
from trunkline.errors import BodyInvalid
from trunkline.settings import Companies


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


async def test_a_company_without_limits_of_its_own_has_the_deployments(database):
    limits = CompanyLimits(database, Companies(keys=7), max_subscriptions=33)
    quotas = await limits.of(92)
    assert (quotas.keys, quotas.subscriptions, quotas.is_paced) == (7, 33, False)
    assert limits.shown(92, {}) == {
        "limits": {
            "subscriptions": 33, "filter_cost": quotas.filter_cost, "lookups_per_minute": 600,
            "events_per_second": 1000, "replays_at_once": 5, "keys": 7, "consumers": 100,
        },
        "own_limits": {},
    }  # fmt: skip


async def test_its_own_hold_beside_the_deployments_until_they_are_given_back(database):
    limits, companies = limits_over(database), companies_over(database)
    await companies.change(92, {"limits": {"keys": 3, "events_per_second": 2}})
    changed = await companies.change(92, {"limits": {"keys": None}})
    assert changed["own_limits"] == {"events_per_second": 2}
    quotas = await limits.of(92)
    assert (quotas.keys, quotas.events_per_second, quotas.is_paced) == (100, 2, True)
    assert (await limits.of(17)).events_per_second == 1000


async def test_another_process_sees_a_change_within_seconds_and_reads_once_in_between(database):
    clock = Clock()
    here = CompanyLimits(database, Companies(), max_subscriptions=100, now=clock)
    elsewhere = companies_over(database)
    assert (await here.of(92)).keys == 100
    await elsewhere.change(92, {"limits": {"keys": 3}})
    assert (await here.of(92)).keys == 100
    clock.now += FRESH_SECONDS
    assert (await here.of(92)).keys == 3


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"coffee": 1}, "/limits/coffee"),
        ({"keys": -1}, "/limits/keys"),
        ({"events_per_second": 0}, "/limits/events_per_second"),
    ],
)
async def test_what_is_no_limit_is_named_and_nothing_is_changed(database, changes, path):
    companies = companies_over(database)
    with pytest.raises(BodyInvalid) as refused:
        await companies.change(92, {"limits": {"subscriptions": 1, **changes}})
    assert [error.path for error in refused.value.errors] == [path]
    assert (await companies.view(92))["own_limits"] == {}


def test_a_pace_gives_a_burst_then_what_has_been_earned_again():
    clock = Clock()
    pace = Pace(burst_seconds=10, now=clock)
    assert pace.take(92, 50, per_second=10) == 0
    assert pace.take(92, 300, per_second=10) == 0
    assert pace.take(92, 1, per_second=10) == pytest.approx(25, abs=0.1)
    assert pace.take(17, 1, per_second=10) == 0
    clock.now += 25.1
    assert pace.take(92, 1, per_second=10) == 0


def test_a_pace_forgets_those_whose_budget_is_full_again_and_nobody_else():
    clock = Clock()
    pace = Pace(burst_seconds=1, now=clock)
    for company in range(50):
        pace.take(company, 1, per_second=10)
    pace.take(7, 5000, per_second=10)
    clock.now += 61
    pace.take(1001, 1, per_second=10)
    assert set(pace._budgets) == {7, 1001}


async def test_the_operator_reads_and_sets_them_and_nobody_else(api):
    company = f"/api/v1/companies/{api.company_id}"
    answer = await api.operator.patch(company, json={"limits": {"keys": 42}})
    assert (answer.status_code, answer.json()["own_limits"]) == (200, {"keys": 42})
    assert (await api.operator.get(company)).json()["limits"]["keys"] == 42
    for call in (api.client.get(company), api.client.patch(company, json={"limits": {"keys": 43}})):
        assert (await call).status_code == 403
    refused = json_of(await api.operator.patch(company, json={"limits": {"keys": "many"}}), 422)
    assert refused["errors"][0]["path"] == "/limits/keys"


async def test_over_a_number_the_answer_names_the_limit(api):
    company = f"/api/v1/companies/{api.company_id}"
    await api.operator.patch(company, json={"limits": {"keys": 1, "subscriptions": 0, "replays_at_once": 0}})
    key = {"company_id": api.company_id, "name": "one more", "scopes": ["events:read"]}
    webhook = {"target_url": "https://example.com/hook", "event_types": ["*"]}
    for name, answer in (
        ("keys", await api.operator.post("/api/v1/keys", json=key)),
        ("subscriptions", await api.client.post("/api/v1/webhooks/subscriptions", json=webhook)),
    ):
        assert f"limit '{name}'" in json_of(answer, 409)["detail"]


async def test_replays_over_the_limit_wait_for_those_that_run(api):
    made = await api.subscribe("https://example.com/hook")
    address = f"/api/v1/webhooks/subscriptions/{made['id']}"
    await api.client.patch(address, json={"status": "paused"})  # so that no dispatcher moves it
    await api.operator.patch(f"/api/v1/companies/{api.company_id}", json={"limits": {"replays_at_once": 1}})
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    first = await api.client.post(f"{address}/replay", json=span)
    second = await api.client.post(f"{address}/replay", json=span)
    assert first.status_code == 202
    assert "limit 'replays_at_once'" in json_of(second, 409)["detail"]


@pytest.mark.own_hub(settings={"limits.enabled": "true", "companies.events_per_second": "1"})
async def test_a_companys_own_events_are_paced_and_the_products_only_where_it_was_given_a_pace(api):
    events = [{"type": "payment.failed", "payload": FAILED}] * 12
    batch, single = {"events": events}, events[0]
    assert (await api.client.post("/api/v1/events/batch", json=batch)).status_code == 201
    refused = await api.client.post("/api/v1/events", json=single)
    assert "limit 'events_per_second'" in json_of(refused, 429)["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 3
    for_company = {"X-Company-Id": str(api.company_id)}
    assert (await api.operator.post("/api/v1/events", json=single, headers=for_company)).status_code == 201
    await api.operator.patch(f"/api/v1/companies/{api.company_id}", json={"limits": {"events_per_second": 1}})
    assert (await api.operator.post("/api/v1/events", json=single, headers=for_company)).status_code == 429


@pytest.mark.own_hub(settings={"limits.enabled": "true", "companies.events_per_second": "1"})
async def test_a_long_event_counts_as_several(api):
    event = {"type": "payment.failed", "payload": FAILED}
    long = {**event, "metadata": {"text": "x" * 10 * 16 * 1024}}
    assert (await api.client.post("/api/v1/events", json=long)).status_code == 201
    assert (await api.client.post("/api/v1/events", json=event)).status_code == 429
