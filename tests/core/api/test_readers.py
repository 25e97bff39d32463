"""Named consumers, digests, interest and public keys over HTTP."""

import asyncio
import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.answers import json_of, paths
from tests.plugins.polling.test_routes import emit, failed, lead, named
from tests.statements import execute, scalar

from trunkline.insight.gauges import CONSUMERS_EVERY
from trunkline.model import cursors
from trunkline.stream import filtered_pages

CONSUMERS = "/api/v1/consumers"


async def make(client, name="billing", **body):
    answer = await client.put(f"{CONSUMERS}/{name}", json={"start": "beginning", **body})
    assert answer.status_code in {200, 201}, answer.text
    return answer


async def lease(client, name="billing", **query):
    page = json_of(await client.get(f"{CONSUMERS}/{name}/events", params=query))
    return [event["id"] for event in page["events"]], page["cursor"], page["lease"]


async def commit(client, cursor, lease=None, name="billing"):
    body = {"cursor": cursor} | ({"lease": lease} if lease else {})
    return (await client.post(f"{CONSUMERS}/{name}/commit", json=body)).status_code


async def show(client, name="billing"):
    return (await client.get(f"{CONSUMERS}/{name}")).json()


async def lapse(running, name="billing"):
    """Let every lease of a consumer expire, as another process would see it."""
    engines, which = running.hub.engines, {"company": running.company_id, "name": name}
    where = "WHERE company_id = :company AND name = :name"
    leases = json.loads(await scalar(engines, f"SELECT leases FROM consumers {where}", **which))
    lapsed = json.dumps([[*lease[:3], 0] for lease in leases])
    change = f"UPDATE consumers SET leases = :leases, version = version + 1 {where}"
    await execute(engines, change, **which, leases=lapsed)


def digest_of(ids) -> str:
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


async def test_a_consumer_is_made_once_keeps_its_place_and_is_deleted(running):
    ids = await emit(running.client, lead(1), lead(2), failed())
    made = await make(running.client)
    assert (made.status_code, made.headers["location"]) == (201, f"{CONSUMERS}/billing")
    assert made.json()["lag"] == 3
    got, cursor, token = await lease(running.client)
    assert (got, cursors.decode(cursor)) == (ids, ids[-1])
    assert await commit(running.client, cursor, token) == 204
    again = await make(running.client, event_types=["payment.*"])
    assert (again.status_code, again.json()["cursor"], again.json()["lag"]) == (200, cursor, 0)
    listed = (await running.client.get(CONSUMERS)).json()
    assert ([one["name"] for one in listed["consumers"]], listed["next_cursor"]) == (["billing"], None)
    assert (await running.client.delete(f"{CONSUMERS}/billing")).status_code == 204
    for path in ("", "/events"):
        assert (await running.client.get(f"{CONSUMERS}/billing{path}")).status_code == 404
    assert await commit(running.client, cursor, token) == 404


async def test_two_pollers_get_different_pages_and_commit_in_any_order(running):
    ids = await emit(running.client, *(lead(number) for number in range(1, 7)))
    await make(running.client)
    first, cursor_1, lease_1 = await lease(running.client, limit=2)
    second, cursor_2, lease_2 = await lease(running.client, limit=2)
    assert (first, second) == (ids[:2], ids[2:4])
    assert await commit(running.client, cursor_2, lease_2) == 204
    assert (await show(running.client))["lag"] == 6
    assert await commit(running.client, cursor_1, lease_1) == 204
    assert (await show(running.client))["cursor"] == cursor_2
    assert await commit(running.client, cursor_1, lease_1) == 204, "a commit may be repeated"
    assert await commit(running.client, cursor_2, lease_1) == 422
    assert await commit(running.client, cursor_1, "nobody's") == 409


async def test_a_lease_that_lapsed_is_refused_and_its_page_comes_again_before_anything_new(running):
    ids = await emit(running.client, *(lead(number) for number in range(1, 5)))
    await make(running.client)
    first, cursor, token = await lease(running.client, limit=2)
    second, cursor_2, token_2 = await lease(running.client, limit=1)
    await lapse(running)
    assert await commit(running.client, cursor, token) == 409
    again, cursor_again, token_again = await lease(running.client, limit=1)
    assert (again, cursors.decode(cursor_again)) == (first[:1], first[0])
    assert (await lease(running.client))[0] == first[1:]
    assert (await lease(running.client))[0] == second
    assert (await lease(running.client))[0] == ids[3:]
    assert await commit(running.client, cursor_again, token_again) == 204
    assert await commit(running.client, cursor, token) == 409
    lost = {"cursor": cursor_2, "lease": token_2}
    problem = json_of(await running.client.post(f"{CONSUMERS}/billing/commit", json=lost), 409)
    assert problem["type"] == "urn:trunkline:problem:lease-lost"
    assert "Nothing was committed" in problem["detail"]


async def test_who_waits_gets_what_comes_and_what_lapses(running):
    await make(running.client)
    waiting = asyncio.create_task(lease(running.client, wait=20))
    await asyncio.sleep(0.1)
    (event,) = await emit(running.client, lead())
    assert (await waiting)[0] == [event]
    waiting = asyncio.create_task(lease(running.client, wait=20))
    await asyncio.sleep(0.1)
    assert not waiting.done(), "the only page is another poller's"
    await lapse(running)
    assert (await waiting)[0] == [event]


async def test_an_empty_page_has_no_lease_and_its_cursor_commits_nothing_of_others(running):
    ids = await emit(running.client, lead())
    await make(running.client)
    await lease(running.client)
    got, cursor, token = await lease(running.client)
    assert (got, token) == ([], None)
    assert await commit(running.client, cursor) == 204
    assert (await show(running.client))["lag"] == 1
    assert await commit(running.client, cursors.encode(ids[0])) == 204
    assert (await show(running.client))["lag"] == 0
    assert await commit(running.client, cursors.encode(ids[0] + 1_000_000)) == 410


async def test_a_consumer_reads_its_types_and_what_meets_its_filter(running):
    ids = await emit(running.client, lead(1), failed(), lead(2), lead(3))
    since_two = {"payload.client_id": {"gte": 2}}
    await make(running.client, "leads", event_types=["lead.created"], filter=since_two)
    await make(running.client, "payments", event_types=["payment.*"])
    assert (await lease(running.client, "leads", limit=1))[0] == [ids[2]]
    assert (await lease(running.client, "leads"))[0] == [ids[3]]
    assert (await lease(running.client, "payments"))[0] == [ids[1]]
    await lapse(running, "leads")
    assert (await lease(running.client, "leads"))[0] == [ids[2]]


async def test_a_poll_by_a_filter_goes_on_from_what_was_looked_at_in_vain(running, monkeypatch):
    monkeypatch.setattr(filtered_pages, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(filtered_pages, "PIECE", 4)
    ids = await emit(running.client, *(lead(number) for number in range(1, 11)))
    await make(running.client, filter={"payload.client_id": 10})
    assert (await lease(running.client))[0] == []
    assert cursors.decode((await show(running.client))["cursor"]) == ids[3]
    assert (await lease(running.client, wait=10))[0] == [ids[9]]


async def test_seek_goes_back_and_on_and_ends_every_lease(running):
    ids = await emit(running.client, lead(1), lead(2), lead(3))
    await make(running.client)
    _, cursor, token = await lease(running.client)
    back = await running.client.post(f"{CONSUMERS}/billing/seek", json={"cursor": cursors.encode(ids[0])})
    assert (back.status_code, back.json()["lag"], back.json()["leases"]) == (200, 2, 0)
    assert await commit(running.client, cursor, token) == 409
    assert (await lease(running.client))[0] == ids[1:]
    whole = await running.client.post(f"{CONSUMERS}/billing/seek", json={"time": "2020-01-01T00:00:00Z"})
    assert whole.json()["lag"] == 3
    for body in ({}, {"cursor": cursor, "time": "2020-01-01T00:00:00Z"}, {"time": "yesterday"}):
        assert (await running.client.post(f"{CONSUMERS}/billing/seek", json=body)).status_code == 422
    beyond = {"cursor": cursors.encode(2**40)}
    assert (await running.client.post(f"{CONSUMERS}/billing/seek", json=beyond)).status_code == 410


@pytest.mark.parametrize(
    ("name", "body", "path"),
    [
        ("-x", {}, "/name"),
        ("x" * 101, {}, "/name"),
        ("x", {"event_types": ["no.such"]}, "/event_types/0"),
        ("x", {"event_types": []}, "/event_types"),
        ("x", {"filter": {"payload.no_such": 1}}, "/filter/payload.no_such"),
        ("x", {"start": "tomorrow"}, "/start"),
        ("x", {"start": "2999-01-01T00:00:00Z"}, "/start"),
        ("x", {"start": "earliest"}, "/start"),
        ("x", {"color": "red"}, "/color"),
    ],
)
async def test_a_request_that_is_wrong_is_told_where(api, name, body, path):
    answer = await api.client.put(f"{CONSUMERS}/{name}", json=body)
    assert (answer.status_code, paths(answer)) == (422, [path])


async def test_consumers_start_now_unless_they_say_otherwise_and_are_apart_by_company(running):
    (event,) = await emit(running.client, lead())
    assert (await running.client.put(f"{CONSUMERS}/billing")).json()["lag"] == 0
    before = cursors.encode(event - 1)
    await make(running.client, "from-cursor", start=before)
    assert (await lease(running.client, "from-cursor"))[0] == [event]
    await make(running.client, "from-time", start="2020-01-01T00:00:00Z")
    assert (await lease(running.client, "from-time"))[0] == [event]
    neighbour = await running.client_of(running.neighbour_id)
    assert (await neighbour.get(f"{CONSUMERS}/billing")).status_code == 404
    await make(neighbour)
    assert (await lease(neighbour))[0] == []


async def test_a_company_has_so_many_consumers(engine, lend_hub):
    hub = await lend_hub(engine, {"companies.consumers": "2"}, dispatch=False)
    for name in ("a", "b"):
        await make(hub.client, name)
    refused = await hub.client.put(f"{CONSUMERS}/c", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:trunkline:problem:limit-reached")
    assert "limit 'consumers'" in refused.json()["detail"]
    assert (await make(hub.client, "a")).status_code == 200


async def test_a_consumer_whose_events_were_removed_is_told(running):
    await emit(running.client, lead())
    await make(running.client)
    before = await scalar(running.hub.engines, "SELECT edge FROM retention")
    await execute(running.hub.engines, "UPDATE retention SET edge = (SELECT position FROM stream_head)")
    try:
        gone = await running.client.get(f"{CONSUMERS}/billing/events")
        assert (gone.status_code, gone.json()["type"]) == (410, "urn:trunkline:problem:cursor-expired")
        assert (await show(running.client))["is_expired"]
    finally:
        await execute(running.hub.engines, "UPDATE retention SET edge = :edge", edge=before)


async def test_explain_says_who_has_read_an_event(running):
    first, second, third = await emit(running.client, lead(1), lead(2), lead(3))
    await make(running.client)
    await make(running.client, "payments", event_types=["payment.failed"])
    _, cursor, token = await lease(running.client, limit=1)
    await commit(running.client, cursor, token)
    await lease(running.client, limit=1)
    for event, state in ((first, "committed"), (second, "leased"), (third, "unread")):
        explained = (await running.client.get(f"/api/v1/events/{event}/explain")).json()
        assert [(one["name"], one["state"]) for one in explained["consumers"]] == [("billing", state)]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("{}", ["/cursor"]),
        ('{"cursor": 1}', ["/cursor"]),
        ('{"cursor": "x", "color": 1}', ["/color"]),
        ("[", [""]),
        ("[]", [""]),
    ],
)
async def test_a_commit_is_judged_alike_with_and_without_the_framework(api, content_type, body, wrong):
    await make(api.client)
    headers = {"content-type": content_type}
    answer = await api.client.post(f"{CONSUMERS}/billing/commit", content=body, headers=headers)
    assert (answer.status_code, paths(answer)) == (422, wrong)


async def test_head_leases_nothing(running):
    await emit(running.client, lead())
    await make(running.client, start="beginning")
    for query in ("", "?limit=1", "?color=red"):
        refused = await running.client.head(f"{CONSUMERS}/billing/events{query}")
        assert refused.status_code == (400 if "color" in query else 405)
    assert (await running.client.head(f"{CONSUMERS}/billing/events")).headers["allow"] == "GET"
    assert (await show(running.client))["leases"] == 0


async def test_a_consumer_of_every_type_is_audited_as_it_is_shown(running):
    await make(running.client, "everything")
    await make(running.client, "everything")
    entries = (await running.operator.get("/api/v1/audit", params={"target": "everything"})).json()["entries"]
    assert [entry["after"]["event_types"] for entry in entries] == [["*"], ["*"]]


async def test_a_cursor_in_a_body_that_is_none_is_named_where_it_stands(api):
    await make(api.client)
    for call in ("commit", "seek"):
        refused = await api.client.post(f"{CONSUMERS}/billing/{call}", json={"cursor": "x"})
        assert (refused.status_code, paths(refused)) == (400, ["/cursor"])
        assert "leave it out" not in refused.json()["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "wait=31", "lease_seconds=0", "color=red"])
async def test_a_lease_that_is_asked_for_wrongly_is_refused(api, query):
    await make(api.client)
    refused = await api.client.get(f"{CONSUMERS}/billing/events?{query}")
    assert named(refused) == [query.partition("=")[0]]


@pytest.mark.parametrize(("method", "path"), [("GET", "events"), ("POST", "commit")])
async def test_no_consumer_has_a_nul_in_its_name(running, method, path):
    body = {"cursor": "x"} if method == "POST" else None
    assert (await running.client.request(method, f"{CONSUMERS}/a%00b/{path}", json=body)).status_code == 404


async def test_the_metrics_say_how_long_an_event_waits_for_a_consumer(running):
    await emit(running.client, lead())
    await make(running.client)
    for _ in range(CONSUMERS_EVERY):
        await running.hub.observer.refresh()
    sample = f'trunkline_consumer_lag_seconds{{consumer="{running.company_id}/billing"}}'
    (line,) = (one for one in running.hub.metrics.text().decode().splitlines() if one.startswith(sample))
    assert float(line.split()[-1]) >= 0


async def test_a_consumer_that_has_nothing_to_read_is_moved_past_what_is_removed(running):
    neighbour = await running.client_of(running.neighbour_id)
    await make(neighbour, start="now")
    await emit(running.client, *(lead(number) for number in range(1, 1001)))
    await lease(neighbour)
    assert cursors.decode((await show(neighbour))["cursor"]) >= 1000


async def digest(client, **query):
    return json_of(await client.get("/api/v1/events/digest", params=query))


async def test_a_digest_is_of_the_ids_between_two_places(running):
    ids = await emit(running.client, lead(1), failed(), lead(2), lead(3))
    begin, end = cursors.encode(ids[0]), cursors.encode(ids[2])
    whole = await digest(running.client, to=end)
    assert (whole["count"], whole["digest"], whole["to"]) == (3, digest_of(ids[:3]), end)
    assert whole["more"] is False
    for places in ({"from": begin, "to": end}, {"from": str(ids[0]), "to": str(ids[2])}):
        part = await digest(running.client, **places)
        assert (part["count"], part["digest"]) == (2, digest_of(ids[1:3]))
    assert (part["after_id"], part["last_id"]) == (ids[0], ids[2])
    assert (await digest(running.client, **{"from": "2020-01-01T00:00:00Z"}))["count"] == 4
    empty = await digest(running.client, **{"from": cursors.encode(ids[-1])})
    assert (empty["count"], empty["digest"]) == (0, digest_of([]))
    typed = await digest(running.client, types="LEAD.created")
    assert (typed["count"], typed["digest"]) == (3, digest_of([ids[0], ids[2], ids[3]]))
    both = await digest(running.client, types="lead.created,payment.*")
    assert both["digest"] == digest_of(ids)
    filtered = await digest(running.client, filter='{"payload.client_id": {"gte": 3}}', types="lead.created")
    assert filtered["digest"] == digest_of(ids[3:])
    renamed = "UPDATE events SET type = 'key.created' WHERE position = :id"
    await execute(running.hub.engines, renamed, id=ids[1])
    without_operational = await digest(running.client, types="*")
    assert without_operational == await digest(running.client)
    assert without_operational["digest"] == digest_of([ids[0], *ids[2:]])
    for types in ("Key.created", "operational.*"):
        assert (await digest(running.client, types=types))["digest"] == digest_of([ids[1]])


async def test_ranges_have_as_many_events_each_and_cover_the_whole(running):
    ids = await emit(running.client, *(lead(number) for number in range(1, 11)))
    whole = await digest(running.client, ranges=4)
    parts = whole["ranges"]
    assert [part["count"] for part in parts] == [2, 3, 2, 3]
    assert (parts[0]["from"], parts[-1]["to"]) == (whole["from"], whole["to"])
    assert [part["to"] for part in parts[:-1]] == [part["from"] for part in parts[1:]]
    for part in parts:
        own = [one for one in ids if part["after_id"] < one <= part["last_id"]]
        assert (part["count"], part["digest"]) == (len(own), digest_of(own))
    assert len((await digest(running.client, ranges=1000))["ranges"]) == 10


async def test_a_digest_of_a_subscription_is_of_what_it_takes(running):
    ids = await emit(running.client, lead(1), failed(), lead(9))
    only = {"event_types": ["lead.created"], "filter": {"payload.client_id": 9}}
    made = await running.subscribe("https://example.com/hook", **only)
    taken = await digest(running.client, subscription=made["id"])
    assert (taken["count"], taken["digest"]) == (1, digest_of(ids[2:]))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "x"}, 400),
        ({"ranges": "0"}, 400),
        ({"ranges": "1001"}, 400),
        ({"types": "no.such"}, 400),
        ({"types": "nosuch.*"}, 400),
        ({"filter": "{"}, 400),
        ({"subscription": "sub_1", "types": "lead.created"}, 400),
        ({"subscription": "sub_00000000000000000000"}, 404),
        ({"to": cursors.encode(2**40)}, 410),
    ],
)
async def test_a_digest_that_cannot_be_given_is_refused(api, query, status):
    assert (await api.client.get("/api/v1/events/digest", params=query)).status_code == status


async def test_the_refusal_of_an_unknown_type_ends_with_one_mark(api):
    answer = await api.client.get("/api/v1/events/digest", params={"types": "lead.create"})
    assert answer.json()["detail"].endswith("; did you mean 'lead.created'?")


@pytest.mark.slow
async def test_a_reader_that_lacks_one_of_a_hundred_thousand_finds_it_with_three_calls(engine, lend_hub):
    hub = await lend_hub(engine, dispatch=False)
    (first,) = await emit(hub.client, lead())
    await execute(
        hub.hub.engines,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) "
        "INSERT INTO events (position, company_id, type, shard, accepted_ms, body) "
        "SELECT e.position + i, e.company_id, e.type, e.shard, e.accepted_ms, e.body FROM n CROSS JOIN events e",
    )
    await execute(hub.hub.engines, "UPDATE stream_head SET position = position + 99999")
    own = set(range(first, first + 100_000))
    whole = await digest(hub.client)
    assert (whole["count"], whole["digest"]) == (100_000, digest_of(sorted(own)))
    own.remove(first + 54_321)

    def own_digest(part):
        return digest_of(sorted(one for one in own if part["after_id"] < one <= part["last_id"]))

    asked = {"ranges": 1000}
    for _ in range(2):
        parts = (await digest(hub.client, **asked))["ranges"]
        (part,) = [part for part in parts if part["digest"] != own_digest(part)]
        asked = {"ranges": 100, "from": part["from"], "to": part["to"]}
    assert part["count"] == 1
    body = (await hub.client.get("/api/v1/events", params={"cursor": part["from"], "limit": 1})).json()
    assert cursors.decode(body["next_cursor"]) == first + 54_321


async def test_interest_counts_subscriptions_and_consumers_of_a_type(running):
    path = "/api/v1/event-types/lead.created/interest"
    nobody = (await running.client.get(path)).json()
    assert nobody == {"type": "lead.created", "is_wanted": False, "subscriptions": 0, "consumers": 0}
    neighbour = await running.client_of(running.neighbour_id)
    for types in (["*"], ["lead.*"], ["payment.failed"]):
        body = {"target_url": "https://example.com/hook", "event_types": types}
        await neighbour.post("/api/v1/webhooks/subscriptions", json=body)
    await make(neighbour, event_types=["lead.created"])
    somebody = (await neighbour.get(path)).json()
    assert somebody == {"type": "lead.created", "is_wanted": True, "subscriptions": 2, "consumers": 1}
    assert (await running.client.get(path, params={"company": running.neighbour_id})).status_code == 403
    assert (await running.client.get("/api/v1/event-types/no.such/interest")).status_code == 404


async def test_interest_in_an_operational_type_counts_the_readers_that_name_it(running):
    await make(running.client)
    await make(running.client, "auditor", event_types=["operational.*"])
    answer = await running.client.get("/api/v1/event-types/key.created/interest")
    assert answer.json() == {"type": "key.created", "is_wanted": True, "subscriptions": 0, "consumers": 1}


async def keys_of(client, **query):
    answer = json_of(await client.get("/.well-known/jwks.json", params=query, headers={"X-Api-Key": ""}))
    return answer["keys"]


async def test_public_keys_are_found_by_company_and_by_subscription_two_while_a_rotation_lasts(running):
    hooks = "/api/v1/webhooks/subscriptions"
    seed = base64.b64encode(bytes(range(32))).decode()
    request = {"target_url": "https://example.com/hook", "event_types": ["*"], "signature": "ed25519"}
    wrong = await running.client.post(hooks, json={**request, "secret": f"whsec_{seed}"})
    assert paths(wrong) == ["/secret"]
    subscription = await running.subscribe(**request, secret=f"whsk_{seed}")
    (key,) = await keys_of(running.client, company=running.company_id)
    raw = base64.urlsafe_b64decode(key["x"] + "=")
    assert base64.b64encode(raw).decode() == subscription["public_key"].removeprefix("whpk_")
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    Ed25519PublicKey.from_public_bytes(raw)
    other = {"secret": "whsk_" + base64.b64encode(bytes(32)).decode()}
    rotated = await running.client.post(f"{hooks}/{subscription['id']}/rotate-secret", json=other)
    assert rotated.json()["public_key"] != subscription["public_key"]
    both = await keys_of(running.client, subscription=subscription["id"])
    assert [one["kid"] for one in both][1:] == [key["kid"]]
    assert await keys_of(running.client, company=running.neighbour_id) == []
    assert await keys_of(running.client, company="no-such-reference") == []
    assert (await running.client.get("/.well-known/jwks.json")).status_code == 400
