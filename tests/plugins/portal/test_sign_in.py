"""Signing in and out with each kind of key, and the ends of a session."""

import asyncio

import pytest
from tests import clock_steps
from tests.keys import scopes_of
from tests.statements import count, execute, scalar

from trunkline.access.keys import COMPANY_SCOPES

COOKIE = "trunkline_portal"

LEAN = {"plugins.enabled": "portal,webhooks"}


async def key_of(running, scopes=COMPANY_SCOPES, *, is_operator=False):
    company_id = None if is_operator else running.company_id
    record, key = await running.hub.keys.create(
        company_id, name="Jane's key", scopes=scopes_of(company_id, scopes)
    )
    return record.id, key


def session_cookie(answer) -> str:
    cookies = answer.headers.get_list("set-cookie")
    (header,) = [one for one in cookies if one.startswith((f"{COOKIE}=", f"__Host-{COOKIE}="))]
    return header


async def test_a_companys_key_opens_its_overview(running, open_browser):
    browser = open_browser(running)
    _, key = await key_of(running)

    answer = await browser.sign_in(key)

    assert answer.headers["location"] == "/portal"
    page = await browser.follow(answer)
    assert "Overview" in browser.words(page)
    assert f"<strong>{running.company_id}</strong>" in page.text


async def test_an_operators_key_leads_to_the_choice_of_a_company(running, open_browser):
    browser = open_browser(running)
    _, key = await key_of(running, (), is_operator=True)

    await browser.sign_in(key)

    answer = await browser.get("/portal", expect=303)
    assert answer.headers["location"] == "/portal/companies"


async def test_whoever_is_not_signed_in_comes_back_to_the_page_they_wanted(api, open_browser):
    browser = open_browser(api)
    _, key = await key_of(api)

    page = await browser.get("/portal/sign-out-everywhere?a=1", expect=303)
    assert page.headers["location"] == "/portal/sign-in?next=/portal/sign-out-everywhere%3Fa%3D1"
    form = await browser.get(page.headers["location"])
    assert 'name="next" value="/portal/sign-out-everywhere?a=1"' in form.text

    answer = await browser.sign_in(key, next_path="/portal/sign-out-everywhere?a=1")
    assert answer.headers["location"] == "/portal/sign-out-everywhere?a=1"


async def test_signing_in_never_leads_to_another_site(api, open_browser):
    _, key = await key_of(api)
    for elsewhere in (
        "https://evil.example", "//evil.example/portal", "/\\evil.example", "/portalx", "/portal\r\nX: 1", "x", "",
    ):  # fmt: skip
        answer = await open_browser(api).sign_in(key, next_path=elsewhere)
        assert answer.headers["location"] == "/portal", elsewhere


async def test_a_wrong_key_is_refused_beside_the_field_and_is_not_shown_again(api, open_browser):
    unknown = f"wlcro_live_92_{'x' * 43}"
    for key, sentence in (
        ("", "Enter your API key."),
        ("nonsense", "No key like this is valid"),
        (unknown, "No key like this is valid"),
    ):
        browser = open_browser(api)
        answer = await browser.sign_in(key, expect=422)
        assert sentence in browser.words(answer)
        assert 'aria-invalid="true"' in answer.text
        assert not key or key not in answer.text
        await browser.get("/portal", expect=303)


async def test_spaces_around_a_pasted_key_do_no_harm(api, open_browser):
    _, key = await key_of(api)
    await open_browser(api).sign_in(f" {key}\n")


@pytest.fixture
def strict(sqlite_database_url, make_hub):
    """``await strict(**settings)``: a lean hub that allows one wrong key a minute."""

    async def start(**changed: str):
        one = {**LEAN, "portal.sign_in_per_minute": "1"}
        named = {name.replace("__", "."): value for name, value in changed.items()}
        return await make_hub(sqlite_database_url, one | named, dispatch=False)

    return start


async def try_key(browser, key: str, *, forwarded: str, expect: int) -> None:
    """Send the sign-in form through a proxy that adds the header *forwarded*."""
    await browser.get("/portal/sign-in")
    headers = {"X-Forwarded-For": forwarded}
    await browser.post("/portal/sign-in", {"key": key}, headers=headers, expect=expect)


@pytest.mark.own_hub(settings=LEAN)
async def test_the_eleventh_wrong_key_of_a_minute_has_to_wait_and_so_has_a_right_one(api, open_browser):
    browser = open_browser(api)
    for _ in range(10):
        await browser.sign_in("wrong", expect=422)

    refused = await browser.sign_in("wrong", expect=429)

    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "Too many keys were tried from your address" in browser.words(refused)
    _, key = await key_of(api)
    await browser.sign_in(key, expect=429)


async def test_right_keys_are_not_counted(strict, open_browser):
    hub = await strict()
    _, key = await key_of(hub)
    for _ in range(3):
        await open_browser(hub).sign_in(key)
    await open_browser(hub).sign_in("wrong", expect=422)
    await open_browser(hub).sign_in("wrong", expect=429)


async def test_a_proxys_clients_are_counted_one_by_one(strict, open_browser):
    hub = await strict()
    for forwarded, expect in (
        ("203.0.113.5", 422),
        ("203.0.113.6", 422),
        ("203.0.113.5", 429),
        ("198.51.100.9, 203.0.113.5", 429),  # only the header that the proxy wrote counts
        ("2001:db8:1:2::1", 422),
        ("2001:db8:1:2::2", 429),  # the same network
    ):
        await try_key(open_browser(hub), "wrong", forwarded=forwarded, expect=expect)


async def test_who_comes_through_a_proxy_that_is_not_named_writes_no_address(strict, open_browser):
    hub = await strict()
    for forwarded, expect in (("203.0.113.5", 422), ("203.0.113.6", 429)):
        await try_key(open_browser(hub, address="10.1.2.3"), "wrong", forwarded=forwarded, expect=expect)


async def test_one_who_guesses_behind_a_named_proxy_locks_nobody_else_out(strict, open_browser):
    hub = await strict(server__trusted_proxies="10.1.0.0/16")
    _, key = await key_of(hub)
    for address, tried, expect in (
        ("203.0.113.5", "wrong", 422),
        ("203.0.113.5", key, 429),
        ("203.0.113.6", key, 303),
    ):
        browser = open_browser(hub, address="10.1.2.3")
        await try_key(browser, tried, forwarded=f"198.51.100.77, {address}", expect=expect)


async def test_over_http_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites_and_holds_no_secret(
    api, open_browser
):
    key_id, key = await key_of(api)
    cookie = session_cookie(await open_browser(api).sign_in(key))
    assert cookie.split("; ")[1:] == ["Path=/portal", "HttpOnly", "Max-Age=43200", "SameSite=Lax"]
    session_id = await scalar(api.hub.engines, "SELECT id FROM portal_sessions WHERE key_id = :id", id=key_id)
    assert not any(secret in cookie for secret in (key, key_id, session_id))


async def test_over_https_the_cookie_stays_on_https(api, open_browser):
    _, key = await key_of(api)
    browser = open_browser(api, base_url="https://hub.test")
    cookie = session_cookie(await browser.sign_in(key))
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert cookie.split("; ")[1:] == ["Path=/", "HttpOnly", "Max-Age=43200", "Secure", "SameSite=Lax"]
    page = await browser.get("/portal")
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    browser.http.cookies.set(COOKIE, browser.http.cookies[f"__Host-{COOKIE}"], domain="hub.test", path="/")
    browser.http.cookies.delete(f"__Host-{COOKIE}")
    await browser.get("/portal", expect=303)  # another host of the domain may have set it


@pytest.mark.parametrize(
    ("public_url", "attributes"),
    [
        ("https://example.com/hub", "; Path=/hub/portal; "),
        ("https://events.example.com", "; Secure; SameSite=Lax"),
    ],
    ids=["only a path of the host", "behind a proxy that ends https"],
)
async def test_the_public_address_decides_on_the_cookie(
    sqlite_database_url, make_hub, open_browser, public_url, attributes
):
    hub = await make_hub(sqlite_database_url, {**LEAN, "server.public_url": public_url}, dispatch=False)
    answer = await open_browser(hub).get("/portal/sign-in")
    assert answer.headers["set-cookie"].startswith((f"{COOKIE}_visit=", f"__Host-{COOKIE}_visit="))
    assert attributes in answer.headers["set-cookie"]
    assert ("strict-transport-security" in answer.headers) is ("/hub" not in public_url)


async def test_where_other_sites_may_frame_the_portal_its_cookie_goes_there(
    sqlite_database_url, make_hub, open_browser
):
    framed = {**LEAN, "portal.frame_ancestors": "https://app.example.com"}
    hub = await make_hub(sqlite_database_url, framed, dispatch=False)
    _, key = await key_of(hub)
    cookie = session_cookie(await open_browser(hub, base_url="https://hub.test").sign_in(key))
    assert cookie.endswith("; Secure; SameSite=None; Partitioned")


@pytest.mark.parametrize(
    ("address", "named", "is_secure"),
    [
        ("127.0.0.1", "https", True),
        ("127.0.0.1", "http, HTTPS", True),
        ("127.0.0.1", "https, http", False),
        ("127.0.0.1", None, False),
        ("203.0.113.7", "https", False),
    ],
)
async def test_without_a_public_address_a_trusted_proxy_says_whether_clients_come_by_https(
    api, open_browser, address, named, is_secure
):
    browser = open_browser(api, address=address)
    headers = {} if named is None else {"X-Forwarded-Proto": named}
    answer = await browser.http.get("/portal/sign-in", headers=headers)
    assert ("; Secure" in answer.headers["set-cookie"]) is is_secure
    assert ("strict-transport-security" in answer.headers) is is_secure
    metadata = (await browser.http.get("/.well-known/oauth-authorization-server", headers=headers)).json()
    assert metadata["issuer"] == ("https://hub.test" if is_secure else "http://hub.test")


async def test_an_altered_cookie_opens_nothing(browser):
    cookie = browser.http.cookies[COOKIE]
    for other in (cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"), cookie[::-1], "", "x" * 5000):
        browser.http.cookies.clear()
        browser.http.cookies.set(COOKIE, other)
        await browser.get("/portal", expect=303)


async def test_signing_out_ends_the_session_and_not_only_the_cookie(running, browser):
    cookie = browser.http.cookies[COOKIE]

    answer = await browser.post("/portal/sign-out")

    assert answer.headers["location"] == "/portal/sign-in"
    assert COOKIE not in browser.http.cookies
    browser.http.cookies.set(COOKIE, cookie)
    await browser.get("/portal", expect=303)


async def test_signing_out_everywhere_ends_every_session_of_the_key_and_no_other(
    running, open_browser, sign_in
):
    _, key = await key_of(running)
    laptop, phone, other = open_browser(running), open_browser(running), await sign_in(running)
    await laptop.sign_in(key)
    await phone.sign_in(key)
    page = await laptop.get("/portal/sign-out-everywhere")
    assert "Every session that was opened as “Jane's key” ends at once" in laptop.words(page)

    await laptop.post("/portal/sign-out-everywhere")

    await laptop.get("/portal", expect=303)
    await phone.get("/portal", expect=303)
    await other.get("/portal")


async def test_a_revoked_key_ends_its_sessions_at_once(running, browser):
    await browser.get("/portal")

    await running.hub.keys.revoke(browser.key, company_id=running.company_id)

    answer = await browser.get("/portal", expect=303)
    assert answer.headers["location"] == "/portal/sign-in"
    assert await count(running.hub.engines, f"portal_sessions WHERE key_id = '{browser.key}'") == 0


async def test_a_session_expires(sqlite_database_url, make_hub, open_browser):
    hub = await make_hub(sqlite_database_url, {**LEAN, "portal.session_hours": "0.0000001"}, dispatch=False)
    _, key = await key_of(hub)
    browser = open_browser(hub)
    await browser.sign_in(key)
    cookie = session_cookie(await browser.sign_in(key))
    browser.http.cookies.set(COOKIE, cookie.partition(";")[0].removeprefix(f"{COOKIE}="))
    await browser.get("/portal", expect=303)


async def test_of_the_sessions_of_a_key_the_newest_are_kept(running, open_browser, monkeypatch):
    monkeypatch.setattr("trunkline_portal.sessions.SESSIONS_OF_A_HOLDER", 2)
    _, key = await key_of(running)
    browsers = [open_browser(running) for _ in range(3)]
    for browser in browsers:
        await browser.sign_in(key)
        await asyncio.sleep(0.002)  # sessions differ by their millisecond

    led_to = [(await browser.http.get("/portal/keys")).headers["location"] for browser in browsers]
    assert ["sign-in" in there for there in led_to] == [True, False, False]


@pytest.mark.parametrize("is_trusted", [True, False], ids=["by a trusted clock", "by a clock that stepped"])
@pytest.mark.own_hub(settings=LEAN)
async def test_sessions_that_have_expired_are_dropped_by_the_next_sign_in(running, sign_in, is_trusted):
    await sign_in(running)
    if not is_trusted:
        await clock_steps.step_under(running.hub)
    await execute(running.hub.engines, "UPDATE portal_sessions SET expires_ms = 1")
    await sign_in(running)
    assert await count(running.hub.engines, "portal_sessions") == (1 if is_trusted else 2)


async def test_a_fragment_is_answered_401_where_nobody_is_signed_in(api, open_browser):
    assert (await open_browser(api).http.get("/portal", headers={"X-Fragment": "1"})).status_code == 401


async def test_whoever_is_signed_in_does_not_see_the_form_again(browser):
    answer = await browser.get("/portal/sign-in", expect=303)
    assert answer.headers["location"] == "/portal"
