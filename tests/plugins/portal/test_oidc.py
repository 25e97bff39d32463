"""Signing in at an identity provider: a real one from npm, and one that gives false answers."""

import logging
import time
from functools import partial
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from tests.plugins.mcp.issuer import Issuer, issuing, other_key
from tests.plugins.portal.openid import providing, sign_in_there
from tests.statements import count

from trunkline.access import issuers
from trunkline.errors import SettingsInvalid
from trunkline_portal.oidc.people import person_of
from trunkline_portal.oidc.settings import Oidc

HUB = "http://hub.test"
BACK = f"{HUB}/portal/sign-in"
GROUPS = {"portal.oidc.operators_group": "operators", "portal.oidc.admins_group": "admins"}


def settings_for(url: str, **changed: str) -> dict[str, str]:
    company = {"company_claim_is": "id", "unknown_companies": "create"}
    own = {"issuer": url, "client_id": "portal", "client_secret": "not-a-secret", **company, **changed}
    return {
        "plugins.enabled": "portal, webhooks",
        "server.public_url": HUB,
        **GROUPS,
        **{f"portal.oidc.{name}": value for name, value in own.items()},
    }


@pytest.fixture(
    scope="module",
    params=[pytest.param(claims, marks=pytest.mark.slow) for claims in ("token", "userinfo")],
)
def provider(request):
    """Start the real provider; its parameter is the place of the claims that identify a person."""
    with providing(BACK, claims=request.param) as url:
        yield url


@pytest.fixture
def start(sqlite_database_url, make_hub):
    """``await start(settings)``: a hub on the test's database, without a dispatcher."""
    return partial(make_hub, sqlite_database_url, dispatch=False)


@pytest.fixture
async def hub(start, provider):
    return await start(settings_for(provider))


async def begin(browser, **query: str) -> str:
    """Press the button; return the target of the redirect."""
    page = await browser.get("/portal/sign-in", **query)
    assert "Sign in with your account" in browser.words(page)
    answer = await browser.get("/portal/sign-in/begin", expect=303, **query)
    return answer.headers["location"]


async def come_in(browser, login: str, **query: str):
    back = await sign_in_there(await begin(browser, **query), login)
    return await browser.http.get(back.removeprefix(HUB))


async def test_a_customer_sees_their_own_company_and_not_its_keys(hub, open_browser, caplog):
    browser = open_browser(hub)
    caplog.set_level(logging.INFO)

    answer = await come_in(browser, "jane:93", next="/portal/events")

    assert (answer.status_code, answer.headers["location"]) == (303, "/portal/events")
    page = await browser.follow(answer)
    assert browser.company_id == 93
    assert "jane@example.com" in page.text
    await browser.get("/portal/companies/93/keys", expect=403)
    await browser.get("/portal/companies/94/events", expect=403)
    await browser.post("/portal/theme", {"theme": "dark", "next": "/portal"})
    await browser.get("/portal/companies/93~test/subscriptions/new")
    wanted = {"target_url": "https://example.com/h", "event_types": "*", "start": "now", "company": "93~test"}
    await browser.post("/portal/companies/93~test/subscriptions/new", wanted)
    lines = [one for one in caplog.records if hasattr(one, "who")]
    assert {one.who for one in lines} == {"jane@example.com"}
    assert [one.message for one in lines] == ["a person signed in", "form", "form"]
    assert lines[-1].__dict__.items() >= {"company_id": 93, "environment": "test", "status": 303}.items()


async def test_groups_make_operators_and_admins(hub, open_browser):
    operator, admin = open_browser(hub), open_browser(hub)

    await come_in(operator, "olga::operators")
    assert (await operator.get("/portal", expect=303)).headers["location"] == "/portal/companies"
    await operator.get("/portal/companies/93/events")

    await come_in(admin, "adam:93:staff,admins")
    await admin.get("/portal/companies/93/keys")


async def test_the_claim_may_be_a_companys_reference(start, provider, open_browser):
    settings = settings_for(provider, company_claim_is="reference", unknown_companies="refuse")
    hub = await start(settings)
    company = await hub.hub.companies.create({"reference": "acme-4f2a", "name": "Acme"})
    browser = open_browser(hub)
    await come_in(browser, "jane:acme-4f2a")
    await browser.get("/portal/events")
    assert browser.company_id == company["id"]
    for name in (str(company["id"]), "acme-none"):
        assert (await come_in(open_browser(hub), f"jane:{name}")).status_code == 403


@pytest.mark.parametrize("login", ["jane", "jane::staff", "jane:no-such", "jane:0", f"jane:{2**63}"])
async def test_whoever_is_nobody_here_is_told_so_in_one_sentence(hub, open_browser, login):
    browser = open_browser(hub)
    answer = await come_in(browser, login)
    assert answer.status_code == 403
    assert "You are signed in as jane@example.com, but" in browser.words(answer)
    await browser.get("/portal", expect=303)


async def test_a_users_session_ends_by_signing_out_and_everywhere(hub, open_browser):
    laptop, phone = open_browser(hub), open_browser(hub)
    for browser in (laptop, phone):
        await come_in(browser, "jane:93")
        await browser.get("/portal/events")
    answer = await laptop.post("/portal/sign-out")
    page = await laptop.follow(answer)
    assert "You are signed out here" in laptop.words(page)
    there = await laptop.get("/portal/sign-in/leave", expect=303)
    assert "post_logout_redirect_uri=http%3A%2F%2Fhub.test%2Fportal%2Fsign-in" in there.headers["location"]
    await laptop.get("/portal/events", expect=303)
    assert "You stay signed in at your identity provider" in phone.words(
        await phone.get("/portal/sign-out-everywhere")
    )
    await phone.post("/portal/sign-out-everywhere")
    await phone.get("/portal/events", expect=303)


async def test_an_answer_counts_once_and_in_the_browser_that_asked(hub, open_browser):
    browser, other = open_browser(hub), open_browser(hub)
    back = (await sign_in_there(await begin(browser), "jane:93")).removeprefix(HUB)
    kept = browser.http.cookies.get("trunkline_portal_attempt")

    stolen = await other.http.get(back)
    assert (stolen.status_code, "not begun here" in stolen.text) == (400, True)
    await begin(other)
    assert (await other.http.get(back)).status_code == 400
    assert (await browser.http.get(back)).status_code == 303

    browser.http.cookies.clear()
    assert (await browser.http.get(back)).status_code == 400
    browser.http.cookies.set("trunkline_portal_attempt", kept, domain="hub.test", path="/portal")
    replayed = await browser.http.get(back)
    assert (replayed.status_code, "invalid_grant" in replayed.text) == (400, True)
    await browser.get("/portal/events", expect=303)


async def test_what_is_asked_for_is_bound_to_the_browser_and_the_address(hub, open_browser):
    asked = parse_qs(urlsplit(await begin(open_browser(hub))).query)
    assert asked["redirect_uri"] == [f"{BACK}/callback"]
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))


async def test_a_deleted_companys_users_are_gone_at_once(hub, open_browser):
    company = await hub.hub.companies.create({"name": "Acme"})
    browser = open_browser(hub)
    await come_in(browser, f"jane:{company['id']}")
    await browser.get("/portal/events")
    await hub.hub.companies.delete(int(company["id"]))
    await browser.get("/portal/events", expect=303)
    assert (await come_in(browser, f"jane:{company['id']}")).status_code == 403


async def test_a_user_is_forgotten_where_the_provider_is_another(start, hub, open_browser):
    browser = open_browser(hub)
    await come_in(browser, "jane:93")
    cookie = browser.http.cookies.get("trunkline_portal")
    second = await start(settings_for("http://127.0.0.1:9/other"))
    again = open_browser(second)
    again.http.cookies.set("trunkline_portal", cookie, domain="hub.test", path="/portal")
    await again.get("/portal/events", expect=303)
    assert await count(second.hub.engines, "portal_sessions") == 0


class Liar(Issuer):
    """A provider that issues any ID token that a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, object] = {}
        self.more_metadata: dict[str, object] = {}

    def documents(self):
        names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        metadata = {"issuer": self.url, **{name: self.url + path for name, path in names.items()}}
        return {
            **super().documents(),
            "/.well-known/openid-configuration": metadata | self.more_metadata,
            "/token": self.answers,
        }


@pytest.fixture
async def liar():
    async with issuing(Liar) as started:
        yield started


@pytest.fixture
async def deceived(start, liar):
    changed = {"portal.sign_in_per_minute": "100", "portal.oidc.company_claim": "company_id"}
    return await start(settings_for(liar.url) | changed)


async def answered(browser, liar, **changed):
    """Come back from the false provider to an attempt that begins now."""
    return await come_back(browser, liar, await begin(browser), **changed)


async def come_back(browser, liar, begun, *, token=None, query="", **claims):
    """Come back to the attempt of *begun* with a code, for which the false provider gives an ID token with *claims*, or *token*."""
    asked = parse_qs(urlsplit(begun).query)
    good = {"aud": "portal", "nonce": asked["nonce"][0], "scope": None, **claims}
    liar.answers = {"id_token": liar.token(**good) if token is None else token, "token_type": "Bearer"}
    return await browser.http.get(f"/portal/sign-in/callback?code=x&state={asked['state'][0]}{query}")


async def test_sign_ins_of_several_tabs_do_not_end_each_other(deceived, liar, open_browser):
    browser = open_browser(deceived)
    pages = [f"/portal/companies/93/{name}" for name in ("events", "subscriptions", "deliveries")]
    begun = [await begin(browser, next=page) for page in pages]
    for page, place in reversed(list(zip(begun, pages, strict=True))):
        answer = await come_back(browser, liar, page, company_id=93)
        assert (answer.status_code, answer.headers.get("location")) == (303, place), answer.text
    assert (await come_back(browser, liar, begun[0], company_id=93)).status_code == 400


@pytest.mark.parametrize(("length", "is_shown"), [(2_000, True), (5_000, False)])
async def test_a_long_address_leaves_room_for_the_cookie(deceived, liar, open_browser, length, is_shown):
    browser, page = open_browser(deceived), f"/portal/x/oauth/connect?request={'x' * length}"
    for _ in range(3):
        begun = await begin(browser, next=page)
    assert len(browser.http.cookies.get("trunkline_portal_attempt")) < 4_000
    answer = await come_back(browser, liar, begun, company_id=93)
    assert (answer.status_code, answer.headers["location"]) == (303, page if is_shown else "/portal")


async def test_an_id_token_with_two_hundred_groups_signs_in(deceived, liar, open_browser):
    groups = [str(uuid4()) for _ in range(200)]
    answer = await answered(open_browser(deceived), liar, groups=["hub-admins", *groups])
    assert answer.status_code == 303, answer.text


async def test_an_id_token_must_be_of_this_issuer_for_this_client_and_this_attempt(
    deceived, liar, open_browser
):
    now = int(time.time())
    for claims, said in (
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, ""),
        ({"aud": "somebody"}, "audience"),
        ({"aud": ["portal", "other"], "azp": "other"}, "azp"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"query": "&iss=https://evil.example"}, "another issuer"),
        ({"exp": now - issuers.LEEWAY_SECONDS - 5}, "expired"),
        ({"iat": now + issuers.LEEWAY_SECONDS + 60}, ""),
        ({"sub": None}, ""),
        ({"key": other_key("rsa")}, ""),
        ({"key": "s" * 64, "algorithm": "HS256"}, ""),
        ({"token": "x"}, ""),
    ):
        browser = open_browser(deceived)
        answer = await answered(browser, liar, **claims)
        assert (answer.status_code, said in browser.words(answer)) == (400, True), claims
        await browser.get("/portal", expect=303)


async def test_an_answer_names_its_issuer_where_the_metadata_say_so(deceived, liar, open_browser):
    liar.more_metadata = {"authorization_response_iss_parameter_supported": True}
    refused = await answered(open_browser(deceived), liar)
    assert (refused.status_code, "does not say which issuer" in refused.text) == (400, True)
    assert liar.reads["/token"] == 0
    assert (await answered(open_browser(deceived), liar, query=f"&iss={liar.url}")).status_code == 303


async def test_clocks_may_differ_a_little(deceived, liar, open_browser):
    now = int(time.time())
    for claims in ({"exp": now - 10}, {"iat": now + 10, "nbf": now + 10}):
        assert (await answered(open_browser(deceived), liar, **claims)).status_code == 303


async def test_a_provider_that_is_away_is_named_and_keys_still_sign_in(
    deceived, liar, open_browser, monkeypatch
):
    browser = open_browser(deceived)
    location = await begin(browser)
    liar.is_away = True
    state = parse_qs(urlsplit(location).query)["state"][0]
    lost = await browser.http.get(f"/portal/sign-in/callback?code=x&state={state}")
    assert (lost.status_code, lost.headers["retry-after"]) == (503, "30")

    monkeypatch.setattr(issuers, "PAUSE_SECONDS", 0)
    monkeypatch.setattr("trunkline_portal.oidc.provider.FRESH_SECONDS", 0)
    page = await browser.http.get("/portal/sign-in/begin")
    assert page.status_code == 503
    assert f"Nothing came from {urlsplit(liar.url).netloc}. Sign in with an API key" in browser.words(page)
    _, key = await deceived.hub.keys.create(93, name="Jane's key", scopes=["events:read"])
    await browser.sign_in(key)

    liar.is_away = False
    assert (await answered(open_browser(deceived), liar)).status_code == 303


async def test_refusals_of_the_provider_are_repeated_only_where_they_are_codes(deceived, liar, open_browser):
    for error, said in (("access_denied", "'access_denied'"), ("<b>x</b>", "refused the sign-in.")):
        browser = open_browser(deceived)
        state = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
        answer = await browser.http.get("/portal/sign-in/callback", params={"error": error, "state": state})
        assert (answer.status_code, said in browser.words(answer)) == (400, True)


async def test_codes_that_lead_to_nothing_are_counted_by_address(start, liar, open_browser):
    hub = await start(settings_for(liar.url) | {"portal.sign_in_per_minute": "2"})
    statuses = [(await answered(open_browser(hub), liar, nonce="another")).status_code for _ in range(4)]
    assert statuses == [400, 400, 429, 429]
    assert liar.reads["/token"] == 2


async def test_keys_sign_nobody_in_where_the_settings_say_so(start, liar, open_browser):
    opened = await start(settings_for(liar.url))
    _, key = await opened.hub.keys.create(93, name="Jane's key", scopes=["events:read"])
    before = open_browser(opened)
    await before.sign_in(key)
    cookie = before.http.cookies.get("trunkline_portal")

    hub = await start(settings_for(liar.url) | {"portal.key_sign_in": "false"})
    browser = open_browser(hub)
    page = await browser.get("/portal/sign-in")
    assert 'name="key"' not in page.text
    form = open_browser(opened)
    await form.get("/portal/sign-in")
    browser.csrf, browser.http.cookies = form.csrf, form.http.cookies
    await browser.post("/portal/sign-in", {"key": key}, expect=403)
    browser.http.cookies.set("trunkline_portal", cookie, domain="hub.test", path="/portal")
    await browser.get("/portal/events", expect=303)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"portal.oidc.issuer": "login.example.com"}, "must be a URL"),
        ({"portal.oidc.scopes": "profile"}, "must have 'openid'"),
        ({"portal.oidc.customer_scopes": "all"}, "'all' is no scope"),
        ({"portal.oidc.client": "x"}, "portal.oidc.client.*is not a setting"),
        ({"portal.oidc.issuer": "http://169.254.169.254"}, "metadata"),
        ({"server.public_url": None}, r"^Setting 'portal\.oidc': needs server\.public_url"),
    ],
)
async def test_settings_that_cannot_be_are_named(start, changed, sentence):
    settings = settings_for("http://127.0.0.1:9") | changed
    with pytest.raises(SettingsInvalid, match=sentence):
        await start({name: value for name, value in settings.items() if value is not None})


def test_claims_are_found_by_their_whole_name_or_by_a_path():
    groups = {"operators_group": "ops", "groups_claim": "realm_access.roles"}
    company = {"company_claim": "https://example.com/company", "company_claim_is": "id"}
    settings = Oidc(issuer="https://login.example.com", client_id="portal", **groups, **company)
    claims = {"sub": "1", "https://example.com/company": ["92"]}
    assert person_of(claims, settings).company == 92
    assert person_of(claims | {"realm_access": {"roles": ["ops"]}}, settings).is_operator
    for groups in (None, 7, {"ops": True}, [["ops"]], "opsx"):
        assert not person_of(claims | {"realm_access": {"roles": groups}}, settings).is_operator
