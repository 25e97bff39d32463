"""API keys on their pages: listed, made and shown once, and revoked after a page with the consequences."""

import re

import pytest
from tests.some import some

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_portal import scopes

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
_KEY = re.compile(r"wlcro_live_\d+_[A-Za-z0-9_-]{43}")


async def make(browser, name="Zapier", chosen=("events:read",)) -> tuple[str, str]:
    """Make a key by the form; return its id, and the key that the page shows."""
    await browser.get("/portal/keys/new")
    answer = await browser.post("/portal/keys", {"name": name, "scopes": list(chosen)})
    page = await browser.follow(answer)
    return answer.headers["location"].split("/")[5], _KEY.search(page.text)[0]


async def test_the_list_shows_each_key_with_scopes_last_characters_and_last_use(running, sign_in):
    browser = await sign_in(running)
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


async def test_a_key_without_the_scope_admin_sees_none_of_it(api, sign_in):
    browser = await sign_in(api, ["events:read", "webhooks:write"])
    record, _ = await api.hub.keys.create(api.company_id, name="x", scopes=["events:read"])
    for path in ("/portal/keys", "/portal/keys/new", f"/portal/keys/{record.id}/revoke"):
        assert "'admin'" in browser.words(await browser.get(path, expect=403))
    await browser.post("/portal/keys", {"name": "x", "scopes": "admin"}, expect=403)
    await browser.post(f"/portal/keys/{record.id}/revoke", expect=403)
    assert await api.hub.keys.principal(record.id) is not None


async def test_a_company_without_a_key_is_taught_how_to_make_one(api, sign_in):
    browser = await sign_in(api, company_id=None)
    await browser.post("/portal/company", {"company_id": "4711"})
    words = browser.words(await browser.get("/portal/keys"))
    assert "No key yet" in words
    assert '"company_id":4711' in words
    assert "curl http://hub.test/api/v1/keys" in words


async def test_operators_see_operators_keys_read_only(running, sign_in):
    await running.hub.keys.create(None, name="Back office", scopes=["operator"])
    browser = await sign_in(running, company_id=None)
    page = await browser.get("/portal/keys?of=operators")
    assert "Back office" in browser.words(page)
    assert "Jane's key" in browser.words(page)
    assert "/revoke" not in page.text
    assert "Back office" not in (await browser.get("/portal/keys")).text


async def test_companies_never_see_operators_keys(api, sign_in):
    record, _ = await api.hub.keys.create(None, name="Back office", scopes=["operator"])
    browser = await sign_in(api)
    assert "Back office" not in (await browser.get("/portal/keys?of=operators")).text
    await browser.get(f"/portal/keys/{record.id}/revoke", expect=404)
    await browser.post(f"/portal/keys/{record.id}/revoke", expect=404)


async def test_a_new_key_is_shown_once_with_a_call_that_works(running, sign_in):
    browser = await sign_in(running)
    key_id, key = await make(browser, "Zapier", ["events:read", "webhooks:write"])

    answer = await running.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})
    assert answer.json() == {
        "company_id": running.company_id,
        "key_name": "Zapier",
        "scopes": ["events:read", "webhooks:write"],
    }
    again = await browser.get(f"/portal/keys/{key_id}/made", expect=303)
    page = await browser.follow(again)
    assert "A key is shown once" in browser.words(page)
    assert key not in page.text


async def test_the_call_that_is_shown_carries_the_key(api, sign_in):
    browser = await sign_in(api)
    await browser.get("/portal/keys/new")
    page = await browser.follow(await browser.post("/portal/keys", {"name": "n8n", "scopes": "admin"}))
    key = _KEY.search(page.text)[0]
    assert f"curl http://hub.test/api/v1/me \\ -H 'X-Api-Key: {key}'" in browser.words(page)


async def test_the_documentation_opens_beside_the_page_that_shows_a_key(api, sign_in):
    """Check that the link opens a new tab: the browser's Back would not show the key again."""
    browser = await sign_in(api)
    await browser.get("/portal/keys/new")
    page = await browser.follow(await browser.post("/portal/keys", {"name": "n8n", "scopes": "admin"}))
    links = re.findall(r'<a href="/docs[^>]*>', page.text)
    assert len(links) == 1
    assert all('target="_blank" rel="noopener"' in link for link in links)


async def test_nobody_else_can_open_the_page_that_shows_a_key(api, sign_in):
    browser, other = await sign_in(api), await sign_in(api)
    await browser.get("/portal/keys/new")
    answer = await browser.post("/portal/keys", {"name": "x", "scopes": "admin"})
    other.http.cookies.set(
        "trunkline_portal_secret", browser.http.cookies["trunkline_portal_secret"], path="/portal"
    )
    page = await other.get(answer.headers["location"], expect=303)
    assert not _KEY.search(page.text)


async def test_a_key_in_transit_is_sealed(api, sign_in):
    browser = await sign_in(api)
    await browser.get("/portal/keys/new")
    answer = await browser.post("/portal/keys", {"name": "x", "scopes": "admin"})
    cookie = next(
        c for c in answer.headers.get_list("set-cookie") if c.startswith("trunkline_portal_secret=")
    )
    assert "wlcro_live" not in cookie
    assert "HttpOnly" in cookie
    assert not _KEY.search(str(answer.headers))


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
async def test_a_key_that_cannot_be_is_refused_beside_its_field(api, sign_in, fields, sentence):
    browser = await sign_in(api)
    before = len(await api.hub.keys.list(api.company_id))
    await browser.get("/portal/keys/new")
    page = await browser.post("/portal/keys", fields, expect=422)
    assert sentence in browser.words(page)
    assert 'aria-invalid="true"' in page.text
    assert len(await api.hub.keys.list(api.company_id)) == before


async def test_a_refused_form_keeps_what_was_entered(api, sign_in):
    browser = await sign_in(api)
    await browser.get("/portal/keys/new")
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


async def test_an_operator_makes_keys_of_the_company_looked_at(api, sign_in):
    browser = await sign_in(api, company_id=None)
    _, key = await make(browser, "Zapier", COMPANY_SCOPES)
    answer = await api.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})
    assert answer.json()["company_id"] == api.company_id


@pytest.mark.parametrize("preset", scopes.PRESETS, ids=lambda preset: preset.name)
async def test_a_usual_choice_ticks_its_boxes_without_a_script(api, sign_in, preset):
    browser = await sign_in(api)
    page = await browser.get("/portal/keys/new", preset=preset.name)
    assert set(re.findall(r'value="([^"]+)" checked', page.text)) == set(preset.scopes)
    assert "checked" not in (await browser.get("/portal/keys/new?preset=nothing")).text


def test_every_scope_is_explained():
    assert tuple(scope.name for scope in scopes.SCOPES) == COMPANY_SCOPES


async def test_a_name_is_only_ever_text(api, sign_in):
    browser = await sign_in(api)
    await browser.get("/portal/keys/new")
    answer = await browser.post("/portal/keys", {"name": HOSTILE, "scopes": "events:read"})
    key_id = answer.headers["location"].split("/")[5]
    page_of_key = await browser.follow(answer)
    pages = [
        page_of_key,
        await browser.get("/portal/keys"),
        await browser.get(f"/portal/keys/{key_id}/revoke"),
    ]
    pages.append(await browser.follow(await browser.post(f"/portal/keys/{key_id}/revoke")))
    pages.append(await browser.post("/portal/keys", {"name": HOSTILE}, expect=422))
    for page in some(pages):
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
        assert HOSTILE in browser.words(page) or "&lt;img" in page.text or "&#34;&gt;&lt;img" in page.text


async def test_revoking_names_what_it_brings_about(running, sign_in, open_browser):
    browser = await sign_in(running)
    record, key = await running.hub.keys.create(
        running.company_id, name="Zapier", scopes=["events:read", "webhooks:write"]
    )
    words = browser.words(await browser.get(f"/portal/keys/{record.id}/revoke"))
    assert (
        f"The key that ends in {record.last4} stops working at once and for good. It was never used." in words
    )
    assert "Whatever polls events with it stops reading." in words
    assert "The subscriptions stay, and go on delivering." in words
    assert "session" not in words
    for _ in range(2):
        await open_browser(running).sign_in(key)
    words = browser.words(await browser.get(f"/portal/keys/{record.id}/revoke"))
    assert "2 sessions of this portal that it signed in end." in words


async def test_a_revoked_key_stops_at_once_with_its_sessions(running, sign_in, open_browser):
    browser, other = await sign_in(running), open_browser(running)
    key_id, key = await make(browser, "Zapier", ["events:read"])
    await other.sign_in(key)
    await browser.get(f"/portal/keys/{key_id}/revoke")

    page = await browser.follow(await browser.post(f"/portal/keys/{key_id}/revoke"))

    assert "The key “Zapier” is revoked." in browser.words(page)
    assert "Zapier" in browser.words(page).partition("Revoked keys (")[2]
    assert (await running.anonymous.get("/api/v1/me", headers={"X-Api-Key": key})).status_code == 401
    assert (await other.get("/portal", expect=303)).headers["location"].startswith("/portal/sign-in")


async def test_revoking_the_key_of_this_session_signs_out(api, sign_in):
    browser = await sign_in(api)
    page = await browser.get(f"/portal/keys/{browser.key}/revoke")
    assert "You are signed in with this key: you are signed out." in browser.words(page)
    answer = await browser.post(f"/portal/keys/{browser.key}/revoke")
    assert answer.headers["location"] == "/portal/sign-in"
    await browser.get("/portal/keys", expect=303)


async def test_a_key_that_is_revoked_already_is_not_asked_about_again(api, sign_in):
    browser = await sign_in(api)
    record, _ = await api.hub.keys.create(api.company_id, name="Old", scopes=["events:read"])
    await browser.post(f"/portal/keys/{record.id}/revoke")
    page = await browser.follow(await browser.get(f"/portal/keys/{record.id}/revoke", expect=303))
    assert "The key “Old” is revoked." in browser.words(page)


@pytest.mark.parametrize("is_operator", [False, True])
async def test_another_companys_key_is_not_there(running, sign_in, is_operator):
    record, _ = await running.hub.keys.create(running.neighbour_id, name="Theirs", scopes=["events:read"])
    browser = await sign_in(running, company_id=None if is_operator else running.company_id)
    for path in (f"/portal/keys/{record.id}/revoke", f"/portal/keys/{record.id}/made"):
        assert "Theirs" not in (await browser.get(path, expect=404)).text
    await browser.post(f"/portal/keys/{record.id}/revoke", expect=404)
    assert await running.hub.keys.principal(record.id) is not None


async def test_forms_without_the_pages_token_do_nothing(api, sign_in):
    browser = await sign_in(api)
    record, _ = await api.hub.keys.create(api.company_id, name="x", scopes=["events:read"])
    browser.csrf = "guessed"
    await browser.post("/portal/keys", {"name": "x", "scopes": "admin"}, expect=403)
    await browser.post(f"/portal/keys/{record.id}/revoke", expect=403)
    assert await api.hub.keys.principal(record.id) is not None


async def test_a_key_is_rotated_where_the_company_has_all_its_keys(running, sign_in):
    browser = await sign_in(running, ["admin", "events:read"])
    record, _ = await running.hub.keys.create(running.company_id, name="Zapier", scopes=["events:read"])
    await running.hub.company_limits.change(running.company_id, {"keys": 1})
    await browser.get(f"/portal/keys/{record.id}/rotate")
    page = await browser.follow(await browser.post(f"/portal/keys/{record.id}/rotate"))
    assert _KEY.search(page.text)
