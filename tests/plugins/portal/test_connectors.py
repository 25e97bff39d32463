"""Connectors: their cards, the company's hooks, and the generated files as a download."""

import io
import zipfile

import pytest
from tests.answers import json_of

from trunkline_portal.pages.connectors import zipped

CONNECTORS = ("docs", "make", "mcp", "n8n", "zapier")
HOSTILE = "https://hooks.example.com/?x='\"><img/src=x/onerror=alert(1)><script>alert(2)</script>"


async def hook(hub, channel: str, url: str, company_id: int = 0) -> str:
    client = await hub.client_of(company_id or hub.company_id)
    body = {"target_url": url, "event_type": "lead.created"}
    return json_of(await client.post(f"/api/v1/{channel}/hooks", json=body), 201)["id"]


async def add_type(hub, name: str) -> None:
    schema = {"title": "Sent", "description": "Sent.", "type": "object", "examples": [{}]}
    json_of(await hub.operator.post("/api/v1/event-types", json={"type": name, "schema": schema}), 201)


def card(page, name: str) -> str:
    """Give the part of the page about one connector."""
    return page.text.partition(f'id="{name}"')[2].partition("</section>")[0]


async def test_each_connector_has_a_card_with_its_steps(api, browser):
    page = await browser.get("/portal/connectors")
    for connector in api.hub.deployment.connectors():
        text = card(page, connector.name)
        assert connector.steps
        assert text.count("<li>") >= len(connector.steps)
        assert f'href="{browser.root}/connectors/{connector.name}.zip"' in text
        assert ("hooks" in text) is (connector.channel is not None)
        if connector.channel:
            assert (await api.client.get(f"/api/v1/{connector.channel}/hooks")).status_code == 200
    channels = {connector.name: connector.channel for connector in api.hub.deployment.connectors()}
    assert channels == dict.fromkeys(CONNECTORS) | {name: name for name in ("make", "n8n", "zapier")}


async def test_a_card_lists_the_companys_hooks_newest_first(running, browser):
    ids = [await hook(running, "zapier", f"https://hooks.example.com/{number}") for number in range(7)]
    await hook(running, "zapier", "https://theirs.example.com/x", company_id=running.neighbour_id)
    text = card(await browser.get("/portal/connectors"), "zapier")
    assert "7 hooks" in text
    assert [hook for hook in reversed(ids) if hook in text] == ids[:1:-1]
    assert text.index(ids[6]) < text.index(ids[2])
    assert "All 7 hooks" in text
    assert "theirs.example.com" not in text
    assert "0 hooks" in card(await browser.get("/portal/connectors"), "n8n")


async def test_a_hooks_address_is_text(api, browser):
    await hook(api, "make", HOSTILE)
    page = await browser.get("/portal/connectors")
    assert "<img/src" not in page.text
    assert "<script>alert" not in page.text
    assert 'href="https://hooks.example.com' not in page.text
    assert "hooks.example.com" in card(page, "make")


async def test_hooks_are_shown_to_those_who_may_see_subscriptions(api, sign_in):
    await hook(api, "zapier", "https://hooks.example.com/1")
    browser = await sign_in(api, ["integrations:read", "events:read"])
    page = await browser.get("/portal/connectors")
    assert "hooks.example.com" not in page.text
    assert "1 hook" not in page.text


async def test_a_disabled_platform_has_no_card(sqlite_database_url, make_hub, sign_in):
    hub = await make_hub(sqlite_database_url, {"plugins.disabled": "make,docs"}, dispatch=False)
    browser = await sign_in(hub)
    page = await browser.get("/portal/connectors")
    assert card(page, "make") == ""
    assert "active" in card(page, "n8n")
    assert "/docs/events" not in page.text


async def test_without_any_connector_the_page_says_how_to_get_one(sqlite_database_url, make_hub, sign_in):
    hub = await make_hub(sqlite_database_url, {"plugins.enabled": "portal,webhooks"}, dispatch=False)
    browser = await sign_in(hub)
    words = browser.words(await browser.get("/portal/connectors"))
    assert "No connector" in words
    assert "plugins.enabled" in words


async def test_an_operator_sees_connectors_without_a_company(undecided):
    page = await undecided.get("/portal/connectors")
    assert f'href="{undecided.root}/connectors/zapier.zip"' in page.text
    assert (await undecided.http.get("/portal/connectors/zapier.zip")).status_code == 200


async def test_the_documents_that_are_linked_are_there(api, reader):
    page = await reader.get("/portal/connectors")
    for path in ("/openapi.json", "/asyncapi.json", "/docs", "/docs/events"):
        assert f'href="{path}"' in page.text
        assert (await api.anonymous.get(path)).status_code == 200


@pytest.mark.parametrize("name", CONNECTORS)
async def test_a_download_holds_what_an_export_writes(api, sign_in, name):
    browser = await sign_in(api, ["integrations:read"])
    answer = await browser.get(f"/portal/connectors/{name}.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="wlcro-{name}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        files = {path: archive.read(path) for path in archive.namelist()}
    assert files == api.hub.deployment.connector_files(name)


async def test_a_download_is_made_once_until_there_is_something_new_to_offer(
    sqlite_database_url, make_hub, sign_in, monkeypatch
):
    hub = await make_hub(sqlite_database_url, {"plugins.enabled": "portal,make"}, dispatch=False)
    browser = await sign_in(hub)
    made, make = [], hub.hub.deployment.connector_files
    monkeypatch.setattr(
        type(hub.hub.deployment), "connector_files", lambda _, name: made.append(name) or make(name)
    )
    before = [(await browser.get("/portal/connectors/make.zip")).content for _ in range(3)]
    assert (made, len(set(before))) == (["make"], 1)
    await add_type(hub, "parcel.sent")
    with zipfile.ZipFile(io.BytesIO((await browser.get("/portal/connectors/make.zip")).content)) as archive:
        assert any(b"parcel.sent" in archive.read(path) for path in archive.namelist())
    assert made == ["make"] * 2


OAUTH = {"connectors.auth": "oauth", "auth.oauth.issuer": "http://127.0.0.1:9", "auth.oauth.audience": "hub"}


@pytest.mark.own_hub(settings={"plugins.enabled": "portal,zapier,docs", **OAUTH})
async def test_what_names_an_issuer_that_is_away_is_to_be_had_later(running, sign_in):
    browser = await sign_in(running, ["integrations:read"])
    page = await browser.get("/portal/connectors/zapier.zip", expect=503)
    assert "Where http://127.0.0.1:9 lets users of connectors sign in is not known" in browser.words(page)
    assert (await browser.get("/portal/connectors/docs.zip")).content


async def test_what_a_platform_cannot_offer_is_told_in_a_sentence(sqlite_database_url, make_hub, sign_in):
    hub = await make_hub(sqlite_database_url, {"plugins.enabled": "portal,zapier"}, dispatch=False)
    for name in ("parcel.sent_on", "parcel_sent.on"):
        await add_type(hub, name)
    browser = await sign_in(hub)
    page = await browser.get("/portal/connectors/zapier.zip", expect=409)
    told = "Zapier cannot offer this product: the event types 'parcel.sent_on' and 'parcel_sent.on' are both"
    assert told in browser.words(page)


async def test_a_download_takes_the_scope(api, reader):
    page = await reader.get("/portal/connectors")
    assert ".zip" not in page.text
    assert "integrations:read" in reader.words(page)
    assert (await api.anonymous.get("/portal/connectors/zapier.zip")).status_code == 303


@pytest.mark.parametrize("name", ["no-such", "..%2F..%2Fetc", "%22%0d%0aX-Evil:1"])
async def test_what_is_no_connector_is_not_found(browser, name):
    answer = await browser.get(f"/portal/connectors/{name}.zip", expect=404)
    assert "x-evil" not in answer.headers


def test_the_same_files_give_the_same_bytes():
    packed = zipped({"b/x.js": b"1", "a.json": b"{}"})
    assert packed == zipped({"a.json": b"{}", "b/x.js": b"1"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["a.json", "b/x.js"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


async def test_a_customer_reads_how_to_connect_and_sees_what_is_connected(running, browser, receiver):
    body = {"target_url": receiver.url, "event_types": ["lead.created"]}
    page = await browser.get("/portal/connectors")
    for name, title in {"zapier": "Zapier", "n8n": "n8n", "make": "Make"}.items():
        assert f'href="{browser.root}/connectors/{name}"' in page.text
        words = browser.words(await browser.get(f"/portal/connectors/{name}"))
        for said in (f"Connect to {title}", "paste the API key", "Nothing yet"):
            assert said in words
    assert (await running.client.post("/api/v1/zapier/hooks", json=body)).status_code == 201
    assert receiver.url in browser.words(await browser.get("/portal/connectors/zapier"))
    await browser.get("/portal/connectors/none", expect=404)
