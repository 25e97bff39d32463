"""Subscriptions of the channel ``webhooks`` over HTTP: made, shown, changed, refused, deleted."""

import asyncio
import base64

import pytest
from tests import answers
from tests.answers import json_of

HOOKS = "/api/v1/webhooks/subscriptions"
TARGET = "https://example.com/hook"


def body_of(**changes):
    return {"target_url": TARGET, "event_types": ["client.created", "payment.failed"], **changes}


async def create(client, **changes) -> dict:
    return json_of(await client.post(HOOKS, json=body_of(**changes)), 201)


def paths(answer, status: int = 422) -> list[str]:
    return answers.paths(answer, status)


async def test_a_new_subscription_is_active_and_shows_its_secret_once(running):
    made = await create(running.client, description="CRM")
    secret, maker = made.pop("secret"), made["created_by"]

    assert (maker["kind"], maker["id"][:4]) == ("key", "key_")
    assert made["id"].startswith("sub_")
    assert base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    assert made["created_utc"].endswith("Z")
    assert made == {
        "id": made["id"],
        "channel": "webhooks",
        "target_url": TARGET,
        "event_types": ["client.created", "payment.failed"],
        "description": "CRM",
        "filter": None,
        "versions": {},
        "headers": {},
        "signature": "standard",
        "ordering": None,
        "timeout_seconds": None,
        "retry": None,
        "max_in_flight": None,
        "rate": None,
        "status": "active",
        "disabled_reason": None,
        "disabled_utc": None,
        "health": "idle",
        "failing_since": None,
        "success_rate_24h": None,
        "p95_ms_24h": None,
        "created_utc": made["created_utc"],
        "updated_utc": made["created_utc"],
        "created_by": maker,
    }
    for url in (f"{HOOKS}/{made['id']}", f"/api/v1/subscriptions/{made['id']}"):
        assert (await running.client.get(url)).json() == made
    listed = await running.client.get(HOOKS)
    assert listed.json() == {"subscriptions": [made], "count": 1, "next_cursor": None}
    assert secret not in listed.text


async def test_an_own_secret_is_taken(api):
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    assert (await create(api.client, secret=secret))["secret"] == secret


async def test_an_ed25519_subscription_shows_a_public_key_and_no_secret(running):
    made = await create(running.client, signature="ed25519")
    assert "secret" not in made
    assert len(base64.b64decode(made["public_key"].removeprefix("whpk_"), validate=True)) == 32
    subscription = (await running.client.get(f"{HOOKS}/{made['id']}")).json()
    assert subscription == made
    assert "public_key" not in await create(running.client)


async def test_header_values_are_masked_wherever_a_subscription_is_shown(running):
    made = await create(running.client, headers={"Authorization": "Bearer very-secret"})
    changed = await running.client.patch(f"{HOOKS}/{made['id']}", json={"description": "x"})
    listed = await running.client.get("/api/v1/subscriptions")
    assert set(made["headers"]) == {"Authorization"}
    for text in (str(made), changed.text, listed.text):
        assert "very-secret" not in text


async def test_a_repeated_event_type_counts_once_and_starting_now_may_be_said(api):
    made = await create(api.client, event_types=["client.created"] * 3, start="now")
    assert made["event_types"] == ["client.created"]


FAULTS = [
    ({"target_url": None}, ["/target_url"]),
    ({"target_url": "no url"}, ["/target_url"]),
    ({"target_url": 5}, ["/target_url"]),
    ({"event_types": []}, ["/event_types"]),
    ({"event_types": None}, ["/event_types"]),
    ({"event_types": "client.created"}, ["/event_types"]),
    ({"event_types": ["client.created", "no.such"]}, ["/event_types/1"]),
    ({"event_types": ["client.created", 7]}, ["/event_types/1"]),
    ({"event_types": ["*", "client.created"]}, ["/event_types"]),
    ({"description": 5}, ["/description"]),
    ({"description": "x" * 501}, ["/description"]),
    ({"secret": "plain text that is long enough for a secret"}, ["/secret"]),
    ({"signature": "ed25519", "secret": "whsec_" + base64.b64encode(b"k" * 32).decode()}, ["/secret"]),
    ({"signature": "rot13"}, ["/signature"]),
    ({"headers": {"webhook-id": "1"}}, ["/headers/webhook-id"]),
    ({"headers": {"x": 5}}, ["/headers/x"]),
    ({"headers": []}, ["/headers"]),
    ({"filter": {"payload.no_such": 1}}, ["/filter/payload.no_such"]),
    ({"filter": {"payload.first_name": {"gte": 5}}}, ["/filter/payload.first_name/gte"]),
    ({"filter": "all"}, ["/filter"]),
    ({"channel": "zapier"}, ["/channel"]),
    ({"status": "paused"}, ["/status"]),
    (
        {"target_url": "no url", "event_types": ["no.such"], "headers": {"host": "x"}},
        ["/target_url", "/event_types/0", "/headers/host"],
    ),
]


async def test_each_fault_of_a_new_subscription_is_named_at_its_path(api):
    for changes, wrong in FAULTS:
        answer = await api.client.post(
            HOOKS, json={name: value for name, value in body_of(**changes).items() if value is not None}
        )
        assert paths(answer) == wrong
        assert (await api.client.get(HOOKS)).json()["count"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://169.254.169.254/",
    ],
)
async def test_where_a_deployment_must_not_send_is_refused_at_once(lend_hub, url):
    strict = {"delivery.allow_http": "false", "delivery.allow_private_networks": "false"}
    hub = await lend_hub("sqlite", strict, dispatch=False)
    made = await create(hub.client, target_url="https://93.184.215.14/")
    assert paths(await hub.client.post(HOOKS, json=body_of(target_url=url))) == ["/target_url"]
    assert paths(await hub.client.patch(f"{HOOKS}/{made['id']}", json={"target_url": url})) == ["/target_url"]


async def test_a_company_may_have_so_many_subscriptions_and_no_more_even_at_once(database_url, make_hub):
    hub = await make_hub(database_url, {"delivery.max_subscriptions": "5"}, dispatch=False)
    answers = await asyncio.gather(*(hub.client.post(HOOKS, json=body_of()) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    assert "5" in next(answer for answer in answers if answer.status_code == 409).json()["detail"]

    other = await hub.client_of(93)
    await create(other)
    first = (await hub.client.get(HOOKS)).json()["subscriptions"][0]
    assert (await hub.client.delete(f"{HOOKS}/{first['id']}")).status_code == 204
    await create(hub.client)


async def test_subscriptions_are_listed_oldest_first_and_by_exact_url(running):
    made = [(await create(running.client, target_url=f"https://example.com/{n}"))["id"] for n in (1, 2, 1)]

    async def listed(url: str, **query) -> list[str]:
        answer = (await running.client.get(url, params=query)).json()
        assert answer["count"] == len(answer["subscriptions"])
        return [subscription["id"] for subscription in answer["subscriptions"]]

    for url in (HOOKS, "/api/v1/subscriptions"):
        assert await listed(url) == made
        assert await listed(url, target_url="https://example.com/1") == [made[0], made[2]]
        assert await listed(url, target_url="https://example.com/") == []
        assert await listed(url, target_url="") == made


async def is_nowhere(client, subscription_id: str) -> None:
    """Check that every route of a subscription answers 404."""
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate-secret"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ):
        body = {} if method in {"PATCH", "POST"} else None
        answer = await client.request(method, f"{HOOKS}/{subscription_id}{path}", json=body)
        assert answer.status_code == 404, (method, path)
        assert answer.headers["content-type"] == "application/problem+json"


NO_IDS = ["sub_00000000000000000000", "sub_x", "1", "SUB_00000000000000000000", "%00", "..%2f"]


async def test_an_id_that_is_not_there_is_404(api):
    for subscription_id in NO_IDS:
        await is_nowhere(api.client, subscription_id)


async def test_another_channels_subscription_is_shown_by_the_core_and_not_here(running):
    made = await running.hub.subscriptions.create(running.company_id, body_of(), channel="zapier")
    await is_nowhere(running.client, made["id"])
    assert (await running.client.get(HOOKS)).json()["count"] == 0

    core = "/api/v1/subscriptions"
    mine = await create(running.client)
    assert (await running.client.get(f"{core}/{made['id']}")).json()["channel"] == "zapier"
    assert [s["id"] for s in (await running.client.get(core)).json()["subscriptions"]] == [
        made["id"],
        mine["id"],
    ]
    by_channel = (await running.client.get(core, params={"channel": "zapier"})).json()
    assert [s["id"] for s in by_channel["subscriptions"]] == [made["id"]]
    paused = await running.client.patch(f"{core}/{made['id']}", json={"status": "paused"})
    assert paused.json()["status"] == "paused"
    deliveries = await running.client.get(f"{core}/{made['id']}/deliveries")
    assert deliveries.json() == {"deliveries": [], "next_cursor": None}


CONDITIONS = {"paused": "paused", "active": "idle"}


async def test_a_change_touches_what_it_names_and_nothing_else(running):
    made = await create(
        running.client, description="old", headers={"x-a": "1"}, filter={"payload.client_id": 5}
    )
    del made["secret"]
    url = f"{HOOKS}/{made['id']}"

    async def change(**changes) -> dict:
        answer = json_of(await running.client.patch(url, json=changes))
        assert (await running.client.get(url)).json() == answer
        return {name: value for name, value in answer.items() if name != "updated_utc"}

    expected = {name: value for name, value in made.items() if name != "updated_utc"}
    assert await change() == expected
    for name, value in (
        ("target_url", "https://example.com/new"),
        ("description", "new"),
        ("description", None),
        ("filter", {"payload.client_id": {"in": [1, 2]}}),
        ("filter", None),
        ("event_types", ["*"]),
        ("status", "paused"),
        ("status", "active"),
    ):
        expected |= {name: value} | ({"health": CONDITIONS[value]} if name == "status" else {})
        assert await change(**{name: value}) == expected
    headers = await change(headers={"x-b": "2"})
    assert set(headers["headers"]) == {"x-b"}
    assert (await change(headers=None))["headers"] == {}


WRONG_CHANGES = [
    ({"target_url": None}, ["/target_url"]),
    ({"target_url": "no url"}, ["/target_url"]),
    ({"event_types": None}, ["/event_types"]),
    ({"event_types": ["no.such"]}, ["/event_types/0"]),
    ({"status": None}, ["/status"]),
    ({"status": "disabled"}, ["/status"]),
    ({"status": "deleted"}, ["/status"]),
    ({"catch_up": "yes"}, ["/catch_up"]),
    ({"catch_up": None}, ["/catch_up"]),
    ({"secret": "whsec_"}, ["/secret"]),
    ({"signature": "github"}, ["/signature"]),
    ({"start": "now"}, ["/start"]),
    ({"id": "sub_1"}, ["/id"]),
    ({"headers": {"host": "x"}}, ["/headers/host"]),
    ({"headers": {"Traceparent": "x"}}, ["/headers/Traceparent"]),
    ({"filter": {"payload.no_such": 1}}, ["/filter/payload.no_such"]),
]


async def test_each_fault_of_a_change_is_named_and_nothing_is_changed(api):
    for changes, wrong in WRONG_CHANGES:
        made = await create(api.client)
        url = f"{HOOKS}/{made['id']}"
        before = (await api.client.get(url)).json()
        assert paths(await api.client.patch(url, json={"description": "new", **changes})) == wrong
        assert (await api.client.get(url)).json() == before


async def test_new_event_types_must_fit_the_filter_that_is_there(api):
    made = await create(api.client, event_types=["client.created"], filter={"payload.first_name": "Jane"})
    url = f"{HOOKS}/{made['id']}"
    assert paths(await api.client.patch(url, json={"event_types": ["payment.failed"]})) == [
        "/filter/payload.first_name"
    ]
    both = await api.client.patch(
        url, json={"event_types": ["payment.failed"], "filter": {"payload.amount_attempted": 5}}
    )
    assert both.status_code == 200


WRONG_CORE_CHANGES = [
    ({"target": {}}, ["/target"]),
    ({"target_url": None}, ["/target_url"]),
    ({"status": "gone"}, ["/status"]),
    ({"status": None}, ["/status"]),
    ({"catch_up": 1}, ["/catch_up"]),
]


async def test_the_core_changes_what_the_channel_does_and_refuses_the_rest(api):
    for changes, wrong in WRONG_CORE_CHANGES:
        made = await create(api.client)
        assert paths(await api.client.patch(f"/api/v1/subscriptions/{made['id']}", json=changes)) == wrong


async def test_changes_at_once_do_not_undo_each_other(running):
    made = await create(running.client, headers={"x-n": "0"})
    url = f"{HOOKS}/{made['id']}"
    calls = [running.client.patch(url, json={"headers": {f"x-{n}": "1"}}) for n in range(4)]
    calls += [running.client.post(f"{url}/rotate-secret", json={"overlap_seconds": 60}) for _ in range(4)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}

    rotated = [answer.json()["secret"] for answer in answers[4:]]
    subscription = await running.hub.subscriptions.find(running.company_id, made["id"], channel="webhooks")
    secrets = {secret.text for secret in subscription.secrets}
    assert secrets == {made["secret"], *rotated}, "each goes on signing for its overlap; none was overwritten"
    assert set((await running.client.get(url)).json()["headers"]) != {"x-n"}


@pytest.mark.slow
async def test_making_pausing_resuming_and_deleting_at_once_all_go_through(running):
    made = [await create(running.client) for _ in range(6)]

    async def pause_and_resume(identifier: str) -> list[int]:
        answers = [
            await running.client.patch(f"{HOOKS}/{identifier}", json={"status": status})
            for status in ("paused", "active") * 5
        ]
        return [answer.status_code for answer in answers]

    async def make_and_delete() -> list[int]:
        statuses = []
        for _ in range(5):
            answer = await running.client.post(HOOKS, json=body_of())
            statuses.append(answer.status_code)
            statuses.append((await running.client.delete(f"{HOOKS}/{answer.json()['id']}")).status_code)
        return statuses

    async def emit() -> list[int]:
        return [
            (await running.client.post("/api/v1/events/test", json={"type": "lead.created"})).status_code
            for _ in range(10)
        ]

    statuses = await asyncio.gather(
        *(pause_and_resume(subscription["id"]) for subscription in made),
        *(make_and_delete() for _ in range(4)),
        emit(),
    )
    assert {status for some in statuses for status in some} == {200, 201, 204}


async def test_a_deleted_subscription_is_gone(running):
    made = await create(running.client)
    url = f"{HOOKS}/{made['id']}"
    assert (await running.client.delete(url)).status_code == 204
    assert (await running.client.delete(url)).status_code == 404
    assert (await running.client.get(url)).status_code == 404
    assert (await running.client.get(HOOKS)).json() == {"subscriptions": [], "count": 0, "next_cursor": None}
