"""API keys on their pages: listed, made and shown once, and revoked after a page with the consequences."""

import re

import pytest
from tests.plugins.portal.worlds import HOSTILE, assert_only_text
from tests.statements import execute

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_portal import scopes

_KEY = re.compile(r"wlcro_live_\d+_[A-Za-z0-9_-]{43}")


async def make(browser, name="Zapier", chosen=("events:read",)) -> tuple[str, str]:
    """Make a key by the form; return its id, and the key that the page shows."""
    answer = await browser.post("/portal/keys", {"name": name, "scopes": list(chosen)})
    page = await browser.follow(answer)
    return answer.headers["location"].split("/")[5], _KEY.search(page.text)[0]


async def test_the_list_shows_each_key_with_scopes_last_characters_and_last_use(running, browser):
    record, _ = await running.hub.keys.create(running.company_id, name="Importer", scopes=["events:write"])
    words = browser.words(await browser.get("/portal/keys"))
    assert f"Importer …{record.last4} events:write" in words
    assert "never" in words.partition("Importer")[2].partition("Revoke")[0]
    assert "Jane's key this session" in words


async def test_keys_of_other_companies_are_not_listed(running, sign_in):
    await running.hub.keys.create(running.neighbour_id, name="Theirs", scopes=["events:read"])
    for company_id in (running.company_id, None):
        browser = await sign_in(running, company_id=company_id)
        assert "Theirs" not in (await browser.get("/portal/keys")).text


async def test_a_company_without_a_key_is_taught_how_to_make_one(api, operator):
    await operator.post("/portal/company", {"company_id": "4711"})
    words = operator.words(await operator.get("/portal/keys"))
    for said in ("No key yet", '"company_id":4711', "curl http://hub.test/api/v1/keys"):
        assert said in words


async def test_operators_keys_are_shown_to_operators_alone_and_read_only(api, operator, browser):
    record, _ = await api.hub.keys.create(None, name="Back office", scopes=["operator"])
    page = await operator.get("/portal/keys?of=operators")
    assert "Back office" in operator.words(page)
    assert "Jane's key" in operator.words(page)
    assert "/revoke" not in page.text
    assert "Back office" not in (await operator.get("/portal/keys")).text
    assert "Back office" not in (await browser.get("/portal/keys?of=operators")).text
    await browser.get(f"/portal/keys/{record.id}/revoke", expect=404)
    await browser.post(f"/portal/keys/{record.id}/revoke", expect=404)


async def test_a_new_key_is_shown_once_with_a_call_that_works(api, browser):
    scopes = ["events:read", "webhooks:write"]
    answer = await browser.post("/portal/keys", {"name": "Zapier", "scopes": scopes})
    page = await browser.follow(answer)
    key = _KEY.search(page.text)[0]
    assert f"curl http://hub.test/api/v1/me \\ -H 'X-Api-Key: {key}'" in browser.words(page)
    me = (await api.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})).json()
    assert me == {"company_id": api.company_id, "key_name": "Zapier", "scopes": scopes}
    # The browser's Back would not show the key again.
    assert re.findall(r"<a href=\"/docs[^>]*>", page.text) == [
        '<a href="/docs" target="_blank" rel="noopener">'
    ]
    page = await browser.follow(await browser.get(answer.headers["location"], expect=303))
    assert "A key is shown once" in browser.words(page)
    assert key not in page.text


async def test_a_key_in_transit_is_sealed_and_nobody_else_can_open_the_page_that_shows_it(api, sign_in):
    browser, other = await sign_in(api), await sign_in(api)
    answer = await browser.post("/portal/keys", {"name": "x", "scopes": "admin"})
    name = "trunkline_portal_secret"
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{name}=")]
    assert "HttpOnly" in cookie
    assert "wlcro_live" not in str(answer.headers)
    other.http.cookies.set(name, browser.http.cookies[name], path="/portal")
    assert not _KEY.search((await other.get(answer.headers["location"], expect=303)).text)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "", "scopes": ["admin"]}, "Give the key a name"),
        ({"name": "  ", "scopes": ["admin"]}, "Give the key a name"),
        ({"name": "n" * 201, "scopes": ["admin"]}, "A name may have 200 characters; this one has 201."),
        ({"name": "Zapier"}, "Choose at least one scope"),
        ({"name": "Zapier", "scopes": ["admin", "no:such"]}, "Is not a known scope: "),
        ({"name": "Zapier", "scopes": ["operator"]}, "Is not a known scope: "),
    ],
)
async def test_a_key_that_cannot_be_is_refused_beside_its_field(api, browser, fields, sentence):
    before = len(await api.hub.keys.list(api.company_id))
    page = await browser.post("/portal/keys", fields, expect=422)
    assert sentence in browser.words(page)
    assert 'aria-invalid="true"' in page.text
    assert len(await api.hub.keys.list(api.company_id)) == before


async def test_a_refused_form_keeps_what_was_entered(browser):
    page = await browser.post("/portal/keys", {"name": "", "scopes": ["events:write", "admin"]}, expect=422)
    assert re.findall(r'value="([^"]+)" checked', page.text) == ["events:write", "admin"]
    page = await browser.post("/portal/keys", {"name": "My tool"}, expect=422)
    assert 'value="My tool"' in page.text


async def test_nobody_gives_a_scope_that_they_lack(api, sign_in):
    browser = await sign_in(api, ["admin", "events:read"])
    page = await browser.get("/portal/keys/new")
    assert re.findall(r'name="scopes" value="([^"]+)"', page.text) == ["events:read", "admin"]
    refused = await browser.post("/portal/keys", {"name": "x", "scopes": ["events:write"]}, expect=422)
    assert "Your own key does not have events:write" in browser.words(refused)


async def test_an_operator_makes_keys_of_the_company_looked_at(api, operator):
    _, key = await make(operator, "Zapier", COMPANY_SCOPES)
    answer = await api.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})
    assert answer.json()["company_id"] == api.company_id


@pytest.mark.parametrize("preset", scopes.PRESETS, ids=lambda preset: preset.name)
async def test_a_usual_choice_ticks_its_boxes_without_a_script(browser, preset):
    page = await browser.get("/portal/keys/new", preset=preset.name)
    assert set(re.findall(r'value="([^"]+)" checked', page.text)) == set(preset.scopes)
    assert "checked" not in (await browser.get("/portal/keys/new?preset=nothing")).text


def test_every_scope_is_explained():
    assert tuple(scope.name for scope in scopes.SCOPES) == COMPANY_SCOPES


async def test_a_name_is_only_ever_text(browser):
    answer = await browser.post("/portal/keys", {"name": HOSTILE, "scopes": "events:read"})
    pages = [await browser.follow(answer), await browser.get("/portal/keys")]
    revoke = answer.headers["location"].replace("/made", "/revoke")
    pages.append(await browser.get(revoke))
    pages.append(await browser.follow(await browser.post(revoke)))
    pages.append(await browser.post("/portal/keys", {"name": HOSTILE}, expect=422))
    for page in pages:
        assert_only_text(page)
        assert HOSTILE in browser.words(page) or "&lt;img" in page.text


async def test_revoking_names_what_it_brings_about(running, browser, open_browser):
    record, key = await running.hub.keys.create(
        running.company_id, name="Zapier", scopes=["events:read", "webhooks:write"]
    )
    words = browser.words(await browser.get(f"/portal/keys/{record.id}/revoke"))
    for said in (
        f"The key that ends in {record.last4} stops working at once and for good. It was never used.",
        "Whatever polls events with it stops reading.",
        "The subscriptions stay, and go on delivering.",
    ):
        assert said in words
    assert "session" not in words
    for _ in range(2):
        await open_browser(running).sign_in(key)
    words = browser.words(await browser.get(f"/portal/keys/{record.id}/revoke"))
    assert "2 sessions of this portal that it signed in end." in words


async def test_a_revoked_key_stops_at_once_with_its_sessions(running, sign_in, open_browser):
    browser, other = await sign_in(running), open_browser(running)
    key_id, key = await make(browser, "Zapier", ["events:read"])
    await other.sign_in(key)

    page = await browser.follow(await browser.post(f"/portal/keys/{key_id}/revoke"))

    assert "The key “Zapier” is revoked." in browser.words(page)
    assert "Zapier" in browser.words(page).partition("Revoked keys (")[2]
    assert (await running.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})).status_code == 401
    assert (await other.get("/portal", expect=303)).headers["location"].startswith("/portal/sign-in")


async def test_revoking_the_key_of_this_session_signs_out(browser):
    page = await browser.get(f"/portal/keys/{browser.key}/revoke")
    assert "You are signed in with this key: you are signed out." in browser.words(page)
    answer = await browser.post(f"/portal/keys/{browser.key}/revoke")
    assert answer.headers["location"] == "/portal/sign-in"
    await browser.get("/portal/keys", expect=303)


async def test_a_key_that_is_revoked_already_is_not_asked_about_again(api, browser):
    record, _ = await api.hub.keys.create(api.company_id, name="Old", scopes=["events:read"])
    await browser.post(f"/portal/keys/{record.id}/revoke")
    page = await browser.follow(await browser.get(f"/portal/keys/{record.id}/revoke", expect=303))
    assert "The key “Old” is revoked." in browser.words(page)


async def test_a_key_that_has_ended_says_so_and_is_not_rotated(api, browser):
    ended = [
        await api.hub.keys.create(api.company_id, name=name, scopes=["events:read"])
        for name in ("Old", "Past")
    ]
    await browser.post(f"/portal/keys/{ended[0][0].id}/revoke")
    await execute(api.hub.engines, f"UPDATE api_keys SET expires_ms = 1 WHERE id = '{ended[1][0].id}'")
    for (record, _), said in zip(ended, ("“Old” is revoked", "“Past” has expired"), strict=True):
        for call in (browser.get, browser.post):
            page = await browser.follow(await call(f"/portal/keys/{record.id}/rotate", expect=303))
            assert said in browser.words(page)
            assert f"{record.id}/rotate" not in page.text


async def test_a_key_is_rotated_where_the_company_has_all_its_keys(running, sign_in):
    browser = await sign_in(running, ["admin", "events:read"])
    record, _ = await running.hub.keys.create(running.company_id, name="Zapier", scopes=["events:read"])
    await running.hub.companies.change(running.company_id, {"limits": {"keys": 1}})
    page = await browser.follow(await browser.post(f"/portal/keys/{record.id}/rotate"))
    assert _KEY.search(page.text)
