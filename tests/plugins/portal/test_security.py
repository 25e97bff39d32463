"""Protection against other sites: headers on every answer, tokens on every form, and pages within a key's rights."""

import re

import asyncpg
from sqlalchemy.engine import make_url

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_portal import navigation

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FORMS = ("/portal/sign-out", "/portal/sign-out-everywhere", "/portal/theme", "/portal/company")


def assert_guarded(answer) -> None:
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_every_page_in_the_navigation_is_guarded_and_kept_by_nobody_and_has_no_script_in_it(operator):
    for item in navigation.ITEMS:
        answer = await operator.get(f"{operator.root}{item.path}")
        assert_guarded(answer)
        assert answer.headers["cache-control"] == "no-store"
        assert f'<a href="{operator.root}{item.path}"' in answer.text
        inline = r"<script(?![^>]*\ssrc=)|<style|\son[a-z]+=|\sstyle=|javascript:"
        assert re.findall(inline, answer.text) == []


async def test_what_strangers_see_is_guarded_too(api):
    for path in ("/portal", "/portal/", "/portal/sign-in", "/portal/enter", "/portal/no/such"):
        assert_guarded(await api.anonymous.get(path))


async def test_the_setting_names_who_may_frame_the_portal(sqlite_database_url, make_hub):
    framed = {"plugins.enabled": "portal", "portal.frame_ancestors": "https://app.example.com, 'self'"}
    hub = await make_hub(sqlite_database_url, framed, dispatch=False)
    answer = await hub.anonymous.get("/portal/sign-in")
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://app.example.com 'self'")
    assert "x-frame-options" not in answer.headers


async def test_assets_are_kept_for_good_and_have_no_other_address(api):
    html = (await api.anonymous.get("/portal/sign-in")).text
    addresses = set(re.findall(r'(?:href|src)="(/portal/static/[^"]+)"', html))
    assert len(addresses) == 4
    for address in addresses:
        answer = await api.anonymous.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        digest = address.split("/")[3]
        assert (await api.anonymous.get(address.replace(digest, "0" * 12))).status_code == 404


async def test_the_stylesheet_asks_for_the_font_that_pages_load_ahead(api):
    html = (await api.anonymous.get("/portal/sign-in")).text
    font, style = (re.findall(rf'href="/portal/static/([^"]+{name})"', html)[0] for name in ("woff2", "css"))
    assert f'src: url("../{font}")' in (await api.anonymous.get(f"/portal/static/{style}")).text
    answer = await api.anonymous.get(f"/portal/static/{font}")
    assert (answer.headers["content-type"], answer.content[:4]) == ("font/woff2", b"wOF2")


async def test_nothing_but_assets_is_served(api):
    for path in ("../portal.py", "..%2Fportal.py", "portal.py", "%2e%2e/settings.py"):
        assert (await api.anonymous.get(f"/portal/static/{'0' * 12}/{path}")).status_code == 404


async def test_a_page_weighs_less_than_150_kb_with_everything_it_loads(operator):
    page = await operator.get("/portal")
    addresses = set(re.findall(r'(?:href|src)="(/portal/static/[^"]+)"', page.text))
    assets = [len((await operator.http.get(address)).content) for address in addresses]
    assert len(page.content) + sum(assets) < 150_000


async def test_a_form_without_the_right_token_is_refused(api, sign_in):
    browser, other = await sign_in(api, company_id=None), await sign_in(api, company_id=None)
    for path in FORMS:
        for token in ("", "wrong", "ü", other.csrf):
            sent = {"csrf": token, "company_id": str(api.neighbour_id)}
            answer = await browser.post(path, sent, expect=403)
            assert "Go back, load the page again" in browser.words(answer)
    assert f"<strong>{api.company_id}</strong>" in (await browser.get("/portal")).text


async def test_a_form_that_another_site_sends_is_refused_whatever_it_holds(browser):
    for site in ("cross-site", "same-site"):
        await browser.post("/portal/sign-out", headers={"Sec-Fetch-Site": site}, expect=403)
    await browser.post("/portal/sign-out", headers={"Sec-Fetch-Site": "same-origin"})


async def test_nobody_can_be_signed_in_by_another_sites_form(api, open_browser):
    _, key = await api.hub.keys.create(api.company_id, name="attacker's", scopes=COMPANY_SCOPES)
    attacker, victim = open_browser(api), open_browser(api)
    await attacker.get("/portal/sign-in")
    await victim.get("/portal/sign-in")
    await victim.post("/portal/sign-in", {"key": key, "csrf": attacker.csrf}, expect=403)
    await victim.post("/portal/sign-in", {"key": key, "csrf": ""}, expect=403)
    victim.http.cookies.clear()
    await victim.post("/portal/sign-in", {"key": key}, expect=403)


async def test_a_form_that_is_too_large_is_refused(browser):
    await browser.post("/portal/theme", {"next": "x" * 300_000}, expect=413)
    await browser.post("/portal/theme", {f"x{number}": "" for number in range(1_000)}, expect=413)


async def test_a_page_is_out_of_reach_and_out_of_sight_without_its_scope(api, sign_in):
    for item in navigation.ITEMS:
        others = [scope for scope in COMPANY_SCOPES if scope not in item.scopes]
        if "webhooks:read" in item.scopes:
            others.remove("webhooks:write")  # which implies it
        browser = await sign_in(api, others)
        address = f"/portal/companies/{api.company_id}{item.path}"
        answer = await browser.http.get(address)
        if not item.path:
            assert (answer.status_code, answer.headers["location"]) == (303, f"{address}/subscriptions")
        else:
            assert answer.status_code == 403, item.path
            frame = await browser.get("/portal/sign-out-everywhere")
            assert f'<li><a href="{address}"' not in frame.text


async def test_the_refusal_names_the_scope_also_to_a_key_that_may_see_nothing(api, sign_in):
    browser = await sign_in(api, ["events:write"])
    for path, scope in (("/portal", "events:read"), ("/portal/health", "operator")):
        answer = await browser.get(path, expect=403)
        assert f"It needs the scope '{scope}'" in browser.words(answer)


async def test_an_address_that_leads_nowhere_is_a_page_in_the_frame(browser):
    answer = await browser.get("/portal/no/such/page", expect=404)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "There is no such page" in browser.words(answer)
    assert 'id="navigation"' in answer.text


async def test_the_pages_are_in_no_api_document(api):
    document = (await api.anonymous.get("/openapi.json")).json()
    assert [path for path in document["paths"] if path.startswith("/portal")] == []


async def test_while_the_database_is_away_a_page_says_so(
    postgres_database_url, postgres_url, make_hub, sign_in
):
    hub = await make_hub(postgres_database_url, {"plugins.enabled": "portal"}, dispatch=False)
    browser = await sign_in(hub)
    name = make_url(postgres_database_url).database
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        answer = await browser.http.get("/portal")
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        await connection.close()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "The database does not answer; a change may or may not have been stored." in browser.words(answer)
    assert_guarded(answer)
