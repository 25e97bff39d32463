"""What holds for every page and form of the portal, found by their routes: records of others, impossible ids, tokens, scopes."""

import re

import pytest
from tests.plugins.portal.worlds import FORMS, HOOKS, emit, subscribe
from tests.some import some
from tests.waiting import until

from trunkline.access.keys import COMPANY_SCOPES

_PARAMETER = re.compile(r"{(\w+)}")
MODES = {"validation.types": '{"invoice.created": "quarantine"}'}
NO_NUMBERS = ("0", "-1", "x", "1.5", "9" * 30, "٣", "%00", "1%0a", "..%2f")
NO_IDS = (*NO_NUMBERS, "dlv_1_1", "dlv_0_0", f"sub_{'0' * 20}")


def routes_of_records(hub) -> list[tuple[str, str]]:
    """List the method and the path of each route that names a record of a company by its id."""
    return [
        (method, route.path.replace("/companies/{company_id}", "", 1))
        for route in hub.app.router.routes
        if route.path.startswith("/portal/companies/{company_id}/") and route.path.count("_id}") > 1
        for method in route.methods
    ]


@pytest.fixture
async def hub(lend_hub):
    """Start a hub that quarantines a type of events."""
    return await lend_hub("sqlite", MODES)


async def delivered_of(hub, event: int) -> list[dict]:
    deliveries = await hub.hub.deliveries.of_event(hub.neighbour_id, event)
    return [one for one in deliveries if one["status"] == "delivered"]


@pytest.fixture
async def theirs(hub, receiver) -> dict[str, str]:
    """Let the neighbour have a record of each kind; give their ids by the names of the routes' parameters."""
    client = await hub.client_of(hub.neighbour_id)
    wanted = {"target_url": f"{receiver.url}/theirs", "event_types": ["lead.created"]}
    subscription = (await client.post(HOOKS, json=wanted)).json()["id"]
    event = await emit(hub, client=client, first_name="Theirs")
    [delivery] = await until(lambda: delivered_of(hub, event))
    await client.patch(f"{HOOKS}/{subscription}", json={"status": "paused"})
    replay = (await client.post(f"{HOOKS}/{subscription}/replay", json={})).json()
    key, _ = await hub.hub.keys.create(hub.neighbour_id, name="Theirs", scopes=["events:read"])
    broken = (await client.post("/api/v1/events", json={"type": "invoice.created", "payload": {}})).json()
    return {
        "subscription_id": subscription,
        "event_id": str(event),
        "delivery_id": delivery["id"],
        "replay_id": replay["id"],
        "key_id": key.id,
        "quarantined": broken["quarantined"]["id"],
    }


async def views_of(client, ids: dict[str, str]) -> list[dict]:
    """Read the records with *ids* by the API, without figures that change by themselves."""
    records = ("subscriptions/{subscription_id}", "deliveries/{delivery_id}", "replays/{replay_id}")
    answers = [
        await client.get(f"/api/v1/{path.format(**ids)}") for path in (*records, "quarantine/{quarantined}")
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    kept = ("status", "target_url", "attempts", "payload")
    return [{name: answer.json().get(name) for name in kept} for answer in answers]


@pytest.mark.parametrize("is_operator", [False, True], ids=["company", "operator"])
async def test_a_record_of_another_company_is_not_there(hub, theirs, sign_in, is_operator):
    client = await hub.client_of(hub.neighbour_id)
    before = await views_of(client, theirs)
    subscription = await subscribe(hub, "http://127.0.0.1:9/")
    own = {"event_id": str(await emit(hub)), "subscription_id": subscription}
    paths = set()
    for method, path in routes_of_records(hub):
        named = theirs | {"event_id": theirs["quarantined"]} if "/quarantine/" in path else theirs
        paths |= {(method, path.format(**named))}
        if "/send" in path or "{replay_id}" in path:
            paths |= {(method, path.format(**theirs | own))}
    browser = await sign_in(hub, company_id=None if is_operator else hub.company_id)
    fields = {"subscription": theirs["subscription_id"], "payload": "{}", "types": "all", "hours": "0"}
    for method, path in paths:
        if method == "GET":
            page = await browser.get(path, subscription=theirs["subscription_id"], expect=404)
        else:
            page = await browser.post(path, fields, expect=404)
        assert "heirs" not in page.text, path
    assert await views_of(client, theirs) == before
    assert await hub.hub.keys.principal(theirs["key_id"]) is not None
    for path in ("events", "events/list?q=Theirs", "keys", "quarantine"):
        page = await browser.get(f"/portal/{path}")
        assert "Theirs" not in page.text
        assert theirs["quarantined"] not in page.text


@pytest.mark.parametrize("name", ["event_id", "delivery_id", "subscription_id", "replay_id", "key_id"])
async def test_what_is_no_id_is_not_there(hub, browser, name):
    for method, path in routes_of_records(hub):
        if f"{{{name}}}" not in path:
            continue
        call = browser.get if method == "GET" else browser.post
        for no_id in NO_IDS:
            await call(_PARAMETER.sub(no_id, path), expect=404)


@pytest.mark.parametrize(
    ("section", "scopes"),
    [
        (r"events(?!.*/send)", ("events:read",)),
        (r"events/.*/send", ("webhooks:write",)),
        ("consumers", ("events:read",)),
        ("deliveries", ("webhooks:read", "webhooks:write")),
        ("subscriptions", ("webhooks:read", "webhooks:write")),
        ("quarantine", ("admin",)),
        ("quarantine", ("events:read",)),
        ("keys", ("admin",)),
        ("changes", ("admin",)),
        ("catalogue", ("events:read", "integrations:read")),
        (r"connectors/.*\.zip", ("integrations:read",)),
    ],
)
async def test_no_page_of_a_section_is_shown_without_one_of_its_scopes(hub, sign_in, section, scopes):
    browser = await sign_in(hub, [other for other in COMPANY_SCOPES if other not in scopes])
    routes = [route for route in hub.app.router.routes if "GET" in (getattr(route, "methods", None) or ())]
    paths = [route.path.removeprefix("/portal/companies/{company_id}/") for route in routes]
    for path in some(path for path in paths if re.match(section, path)):
        words = browser.words(await browser.get(f"{browser.root}/{_PARAMETER.sub('1', path)}", expect=403))
        assert any(f"'{scope}'" in words for scope in scopes), path


async def test_a_form_without_the_token_of_its_page_is_refused(browser):
    browser.csrf = "guessed"
    for path, fields, _ in FORMS:
        refused = await browser.post(path, fields, expect=403)
        assert "Go back, load the page again" in browser.words(refused), path


async def test_a_form_is_refused_without_its_scope(api, sign_in):
    needed = [(path, fields, scope) for path, fields, scopes in FORMS for scope in scopes]
    for path, fields, scope in some(needed):
        browser = await sign_in(api, [other for other in COMPANY_SCOPES if other != scope])
        refused = await browser.post(path, fields, expect=403)
        assert f"'{scope}'" in browser.words(refused), path
