"""The limit of the total cost of a company's filters."""

import pytest
from tests.answers import json_of

from trunkline.errors import FilterTooDear
from trunkline.filters import costs

DEAR = {"any": [{"payload.last_name": {"contains": f"inc {number}"}} for number in range(2)]}
CHEAP = {"payload.last_name": "Acme"}
EACH = costs.cost_of(DEAR)


def request_of(source):
    return {"target_url": "https://example.com/", "event_types": ["client.created"], "filter": source}


async def limited(running, cost):
    await running.hub.companies.change(running.company_id, {"limits": {"filter_cost": cost}})
    return running.hub.subscriptions, running.company_id


async def test_one_that_takes_a_company_over_its_limit_is_refused_and_one_without_a_filter_is_not(running):
    subscriptions, company_id = await limited(running, 2 * EACH)
    for _ in range(2):
        await subscriptions.create(company_id, request_of(DEAR), channel="webhooks")
    with pytest.raises(FilterTooDear, match=f"1,801.*'filter_cost' of {2 * EACH:,}") as caught:
        await subscriptions.create(company_id, request_of({**DEAR, **CHEAP}), channel="webhooks")
    assert [fault.path for fault in caught.value.errors] == ["/filter"]
    await subscriptions.create(company_id, request_of(None), channel="webhooks")
    await subscriptions.create(running.neighbour_id, request_of(DEAR), channel="webhooks")
    assert len(await subscriptions.list(company_id, channel=None)) == 3


async def test_what_a_deleted_one_cost_is_free_again(running):
    subscriptions, company_id = await limited(running, EACH)
    made = await subscriptions.create(company_id, request_of(DEAR), channel="webhooks")
    with pytest.raises(FilterTooDear):
        await subscriptions.create(company_id, request_of(CHEAP), channel="webhooks")
    await subscriptions.delete(company_id, made["id"], channel=None)
    await subscriptions.create(company_id, request_of(DEAR), channel="webhooks")


async def test_a_change_counts_the_new_filter_instead_of_the_old_one(running):
    subscriptions, company_id = await limited(running, EACH)
    made = await subscriptions.create(company_id, request_of(CHEAP), channel="webhooks")
    changed = await subscriptions.update(company_id, made["id"], {"filter": DEAR}, channel="webhooks")
    assert changed["filter"] == DEAR
    with pytest.raises(FilterTooDear):
        await subscriptions.update(company_id, made["id"], {"filter": {**DEAR, **CHEAP}}, channel="webhooks")
    shown = await subscriptions.get(company_id, made["id"], channel=None)
    assert shown["filter"] == DEAR


async def test_where_a_limit_was_lowered_a_filter_may_become_cheaper_but_no_dearer(running):
    subscriptions, company_id = await limited(running, 2 * EACH)
    made = await subscriptions.create(company_id, request_of({**DEAR, **CHEAP}), channel="webhooks")
    await limited(running, 1)
    await subscriptions.update(company_id, made["id"], {"description": "other"}, channel="webhooks")
    await subscriptions.update(company_id, made["id"], {"filter": DEAR}, channel="webhooks")
    with pytest.raises(FilterTooDear):
        await subscriptions.update(company_id, made["id"], {"filter": {**DEAR, **CHEAP}}, channel="webhooks")
    await subscriptions.update(company_id, made["id"], {"filter": None}, channel="webhooks")


async def test_over_http_it_is_answered_with_422_and_the_name_of_the_limit(api):
    await limited(api, 1)
    answer = json_of(await api.client.post("/api/v1/webhooks/subscriptions", json=request_of(DEAR)), 422)
    [error] = answer["errors"]
    assert error["path"] == "/filter"
    assert "'filter_cost' of 1;" in error["message"]


async def test_twenty_large_filters_are_as_many_as_a_company_may_have(api):
    large = {"payload.email": {"in": [f"{number:0>60}" for number in range(1000)]}}
    for _ in range(20):
        answer = await api.client.post("/api/v1/webhooks/subscriptions", json=request_of(large))
    assert answer.status_code == 201
    answer = await api.client.post("/api/v1/webhooks/subscriptions", json=request_of(large))
    assert "'filter_cost' of 10,000" in answer.json()["errors"][0]["message"]
