"""The audit log: its entries, its readers, and an entry for every route that writes."""

import contextlib

import pytest
from sqlalchemy import text
from tests.answers import json_of
from tests.plans import look
from tests.statements import execute

from trunkline.store import audit_log

PATH = "/api/v1/audit"
FROM = {"X-Forwarded-For": "203.0.113.7"}
REQUEST = {"X-Request-Id": "import.7-a"}
_MANY = (
    "INSERT INTO audit (id, at_ms, company_id, actor, action, target, request_id, content, hash) SELECT 1000 + n, 0, 92, 'cli', "
    "'key.created', 'key_' || n, 'of-' || n, content, hash FROM {}, audit WHERE audit.id = 1"
)
MANY = {
    "postgresql": _MANY.format("generate_series(1, 5000) AS s(n)"),
    "sqlite": _MANY.format(
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s) AS s"
    ),
}


async def entries(client, **query: object) -> list[dict]:
    return json_of(await client.get(PATH, params=query))["entries"]


async def test_a_change_says_who_made_it_from_where_and_what_was_before(trunkline_hub, receiver):
    hub = await trunkline_hub(settings={"server.trusted_proxies": "127.0.0.0/8"})
    wish = {"target_url": f"{receiver.url}/h?token=s3cret", "event_types": ["*"]}
    wish["headers"] = {"X-Key": "s3cret"}
    made = (await hub.client.post("/api/v1/webhooks/subscriptions", json=wish, headers=FROM)).json()
    path = f"/api/v1/subscriptions/{made['id']}"
    assert (await hub.client.patch(path, json={"status": "paused"}, headers=FROM)).status_code == 200
    changed, created = await entries(hub.client, target=made["id"])
    assert (created["action"], created["before"]) == ("subscription.created", None)
    assert created["after"]["target_url"] == f"{receiver.url}/h?***"
    assert created["after"]["secrets"] == "***"
    assert changed["action"] == "subscription.changed"
    assert (changed["before"]["status"], changed["after"]["status"]) == ("active", "paused")
    assert "target_url" not in changed["after"]
    assert {created["from_address"], changed["from_address"]} == {"203.0.113.7"}
    assert changed["actor"].startswith("key:key_")
    assert changed["id"] == created["id"] + 1
    assert "s3cret" not in (await hub.operator.get(PATH)).text


async def test_text_that_looks_like_a_url_but_is_none_is_masked(trunkline_hub):
    hub = await trunkline_hub()
    await hub.operator.post("/api/v1/companies", json={"metadata": {"logo_url": "http://[?token=s3cret"}})
    [made] = await entries(hub.operator, action="company.created")
    assert made["after"]["metadata"] == {"logo_url": "***"}


async def test_the_entries_are_narrowed_down_and_paged(trunkline_hub):
    hub = await trunkline_hub()
    made = []
    for number in range(5):
        wish = {"company_id": 92, "name": f"n{number}", "scopes": ["events:read"]}
        made.append((await hub.operator.post("/api/v1/keys", json=wish)).json()["id"])
    actor = (await entries(hub.operator, target=made[0]))[0]["actor"]
    found, query = [], {"limit": 2, "action": "key.created", "actor": actor}
    while query.get("cursor", "") is not None:
        page = (await hub.operator.get(PATH, params=query)).json()
        found += [entry["target"] for entry in page["entries"]]
        query["cursor"] = page["next_cursor"]
    assert found == made[::-1]
    assert (await entries(hub.operator, actor=actor.partition(":")[2])) != []
    assert (await hub.operator.get(PATH, params={"cursor": "x"})).status_code == 400


async def test_a_company_reads_its_own_changes_alone(trunkline_hub):
    hub = await trunkline_hub()
    other = await hub.client_of(93)
    wish = {"company_id": 92, "name": "n", "scopes": ["events:read"]}
    made = (await hub.operator.post("/api/v1/keys", json=wish)).json()
    [own] = await entries(hub.client, target=made["id"])
    assert own["from_address"] is None
    assert await entries(other, target=made["id"]) == []
    assert {entry["company_id"] for entry in await entries(other)} == {93}
    reader = await hub.client_of(92, ["events:read"])
    assert (await reader.get(PATH)).status_code == 403


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_the_chain_shows_what_was_changed_or_removed(trunkline_hub, engine):
    hub = await trunkline_hub(database=engine, dispatch=False)
    for _ in range(5):
        await hub.client_of(92)
    database = hub.hub.engines

    first_broken = hub.hub.journal.first_broken
    count, broken = await first_broken()
    assert (count, broken) == (7, None)
    async with database.write() as connection:
        assert await audit_log.purge(connection, before_ms=2**53, limit=2) == 2
    assert await first_broken() == (5, None)
    await execute(database, "UPDATE audit SET after = '{}' WHERE id = 7")
    assert await first_broken() == (5, 7)
    await execute(database, "UPDATE audit SET after = NULL, request_id = 'other' WHERE id = 7")
    assert await first_broken() == (5, 7)
    async with database.write() as connection:
        assert await audit_log.empty(connection, 92, limit=100) == 5
    assert await first_broken() == (5, None)
    await execute(database, "UPDATE audit SET actor = 'nobody' WHERE id = 5")
    assert await first_broken() == (5, 5)
    await execute(database, "DELETE FROM audit WHERE id = 5")
    assert await first_broken() == (4, 6)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_the_changes_of_a_request_are_found_by_its_id_through_an_index(trunkline_hub, engine):
    hub = await trunkline_hub(database=engine, dispatch=False)
    wish = {"company_id": 92, "name": "n", "scopes": ["events:read"]}
    made = [await hub.operator.post("/api/v1/keys", json=wish, headers=own) for own in ({}, REQUEST)]
    for answer in made:
        request_id = answer.headers["x-request-id"]
        [entry] = await entries(hub.operator, request_id=request_id)
        assert (entry["target"], entry["request_id"]) == (answer.json()["id"], request_id)
    assert await entries(hub.operator, request_id="unknown") == []
    assert await hub.hub.journal.first_broken() == (len(await entries(hub.operator)), None)
    async with hub.hub.engines.write() as connection:
        await connection.execute(text(MANY[engine]))
        await connection.exec_driver_sql("ANALYZE audit")
    which = audit_log.Which(92, request_id="of-7")
    looks = await look(hub.hub.engines, lambda c: audit_log.page(c, which, limit=5))
    assert ["ix_audit_request" in str(each.plan) for each in looks] == [True]


async def test_a_change_that_is_not_committed_leaves_no_entry(trunkline_hub):
    hub = await trunkline_hub(dispatch=False)
    before = await entries(hub.operator)
    wish = {"company_id": 92, "name": "n", "scopes": ["nonsense"]}
    assert (await hub.operator.post("/api/v1/keys", json=wish)).status_code == 422
    with contextlib.suppress(RuntimeError):
        async with hub.hub.engines.write():
            audit_log.note("key.created", "key_x", company_id=92)
            raise RuntimeError
    assert await entries(hub.operator) == before
