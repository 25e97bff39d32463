"""Unregistered apps: described by a document at their address, over real HTTPS, or self-registered."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from tests.answers import json_of
from tests.plugins.oauth.flow import CALLBACK, App, connect
from tests.plugins.oauth.sites import PATH, open_site
from tests.plugins.oauth.test_assertions import PRIVATE, Signer, jwks_of

from trunkline_kit import MovableClock, hubs
from trunkline_kit.receiver import CloseWithoutAnswer, Redirect
from trunkline_oauth import client_documents


@pytest.fixture
async def site(tmp_path, monkeypatch):
    async with open_site(tmp_path) as opened:
        monkeypatch.setenv("SSL_CERT_FILE", str(opened.authority))
        yield opened


@pytest.fixture
def start(site, make_hub, sqlite_database_url):
    """``await start(**settings)``: a hub that trusts the site's certificate."""

    async def start_hub(**settings):
        changed = {name.replace("__", "."): value for name, value in settings.items()}
        return await make_hub(sqlite_database_url, changed, dispatch=False)

    return start_hub


async def test_an_app_is_connected_by_its_document_alone(site, start, sign_in):
    hub = await start()
    told = (await hub.anonymous.get("/.well-known/oauth-authorization-server")).json()
    assert (told["client_id_metadata_document_supported"], "registration_endpoint" in told) == (True, False)
    app, person = App(hub.anonymous, site.url), await sign_in(hub)
    page = await person.open(app.asks())
    said = "Agent &lt;1&gt; is not registered here. It describes itself at <strong>localhost</strong>"
    assert said in page.text
    tokens = await app.exchange((await person.decide(page))["code"])
    assert (await app.me(tokens["access_token"])).json()["key_name"] == "Agent <1>"
    assert (await app.refresh(tokens["refresh_token"]))["scope"] == "events:read integrations:read"
    assert site.receiver.count == 1  # the document is read once and cached
    assert (await hub.anonymous.get(app.asks(redirect_uri="https://evil.example/"))).status_code == 400


async def test_an_app_signs_with_the_key_of_its_document(site, start, sign_in):
    site.says(token_endpoint_auth_method="private_key_jwt", jwks=jwks_of(PRIVATE))
    hub = await start()
    app, person = Signer(hub.anonymous, site.url), await sign_in(hub)
    grant = {"grant_type": "authorization_code", "code_verifier": "v" * 50, "redirect_uri": CALLBACK}
    code = (await person.decide(await person.open(app.asks())))["code"]
    await app.token(code=code, expect=401, **grant)  # the app's id alone
    assert (await app.send(app.sign(), code=code, **grant)).status_code == 200


NO_DOCUMENT = "There is no document of an app at"


FAULTS = (
    ({"client_id": "https://localhost/other"}, "client_id is not the address of the document"),
    ({"client_id": None}, "client_id is not the address of the document"),
    ({"client_name": None}, "client_name is missing"),
    ({"redirect_uris": []}, "redirect_uris is not valid"),
    ({"redirect_uris": ["http://evil.example/"]}, "redirect_uris is not valid"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris is not valid"),
    ({"token_endpoint_auth_method": "client_secret_post"}, "token_endpoint_auth_method must be 'none'"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks or jwks_uri must say"),
    ({"grant_types": ["client_credentials"]}, "grant_types must have 'authorization_code'"),
    ({"response_types": ["token"]}, "response_types must have 'code'"),
    ({"padding": "x" * client_documents.MAX_BYTES}, NO_DOCUMENT),
    ({"headers": {"content-type": "text/html"}}, NO_DOCUMENT),
)


async def test_a_document_that_does_not_count_is_named_and_not_cached(site, start):
    hub = await start()
    asked = App(hub.anonymous, site.url).asks()
    for changed, sentence in FAULTS:
        site.says(**changed)
        answer = json_of(await hub.anonymous.get(asked), 400)
        assert sentence in answer["error_description"], changed
    site.says()
    assert (await hub.anonymous.get(asked)).status_code == 303


async def test_an_address_that_is_no_id_is_not_dialled(site, start):
    hub = await start()
    localhost = f"localhost:{site.receiver.port}"
    for client_id in (
        f"https://{localhost}",
        f"https://{localhost}/",
        f"https://a:b@{localhost}/x",
        f"https://{localhost}/x#y",
        f"https://{localhost}/../x",
        "https://localhost:x/y",
        f"https://{localhost}/{'x' * client_documents.MAX_URL}",
        f"http://{localhost}/client.json",
    ):
        answer = await hub.anonymous.get(App(hub.anonymous, client_id).asks())
        assert answer.status_code == 400, client_id
    assert site.receiver.count == 0


async def test_the_guard_of_targets_holds_and_a_redirect_is_not_followed(site, start):
    guarded = await start(delivery__allow_private_networks="false")
    answer = await guarded.anonymous.get(App(guarded.anonymous, site.url).asks())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.json()["error_description"] == f"The app's document cannot be read now: {site.url}"
    assert site.receiver.count == 0
    hub = await start()
    site.receiver.always(Redirect(f"https://localhost:{site.receiver.port}/elsewhere"), path=PATH)
    answer = await hub.anonymous.get(App(hub.anonymous, site.url).asks())
    assert NO_DOCUMENT in answer.json()["error_description"]
    assert [request.path for request in site.receiver.requests] == [PATH]


async def test_one_address_has_few_documents_read(site, start):
    hub = await start(limits__enabled="true")
    answers = []
    for number in range(client_documents.READ_PER_MINUTE + 1):
        asked = App(hub.anonymous, f"{site.url}?{number}").asks()
        answers.append(await hub.anonymous.get(asked))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [400] * client_documents.READ_PER_MINUTE + [429]
    assert answers[-1].json()["detail"].startswith("You may make")  # a stranger has no key


async def test_a_site_that_is_away_ends_no_connection_but_a_host_that_is_shut_out_does(
    site, start, sign_in, sqlite_database_url
):
    clock = MovableClock()
    hub = await hubs.start_hub(sqlite_database_url, {}, dispatch=False, clock=clock)
    try:
        app, person = App(hub.anonymous, site.url), await sign_in(hub, company_id=92)
        tokens = await connect(app, person)
        clock.advance(timedelta(seconds=client_documents.KEPT_SECONDS))
        site.receiver.always(CloseWithoutAnswer(), path=PATH)
        tokens = await app.refresh(tokens["refresh_token"])
        assert site.receiver.count >= 2
    finally:
        await hub.stop()
    shut = await start(oauth__client_document_hosts="claude.ai")
    assert (await App(shut.anonymous, site.url).me(tokens["access_token"])).status_code == 401
    told = (await shut.anonymous.get(app.asks())).json()
    assert told["error_description"].startswith("There is no app")


async def test_an_app_registers_itself_only_if_the_settings_let_it(start, sign_in):
    asked = {"client_name": "Agent <2>", "redirect_uris": [CALLBACK]}
    asked |= {"token_endpoint_auth_method": "client_secret_post"}
    hub = await start()
    assert (await hub.anonymous.post("/oauth/register", json=asked)).status_code == 404
    open_hub = await start(oauth__dynamic_registration="true")
    told = (await open_hub.anonymous.get("/.well-known/oauth-authorization-server")).json()
    register = urlsplit(told["registration_endpoint"]).path
    registered = json_of(await open_hub.anonymous.post(register, json=asked), 201)
    assert (registered["token_endpoint_auth_method"], registered["client_name"]) == ("none", "Agent <2>")
    app, person = App(open_hub.anonymous, registered["client_id"]), await sign_in(open_hub)
    page = await person.open(app.asks())
    assert "Agent &lt;2&gt; has registered itself here" in page.text
    tokens = await app.exchange((await person.decide(page))["code"])
    assert (await app.me(tokens["access_token"])).json()["key_name"] == "Agent <2>"
    forged = App(open_hub.anonymous, registered["client_id"][:-2] + "AA")
    assert (await open_hub.anonymous.get(forged.asks())).status_code == 400
    again = App(hub.anonymous, app.client_id)  # the same database, without the setting
    assert (await again.me(tokens["access_token"])).status_code == 401
    assert (await hub.anonymous.get(again.asks())).status_code == 400


HOSTS = ("*", "a_b.example", "a.example;script-src", "'self'")
NAMES = ("", " ", "Zap\u202eier", "Zapier\nInc", "Zap\x00ier", "\x1b[2J")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uris": ["http://evil.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://a.example/{'x' * 490}"] * 3}, "invalid_redirect_uri"),
        *(({"redirect_uris": [f"https://{host}/"]}, "invalid_redirect_uri") for host in HOSTS),
        *(({"client_name": name}, "invalid_client_metadata") for name in NAMES),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
    ],
)
async def test_what_no_app_may_say_is_refused_in_the_words_of_registration(lend_hub, changed, error):
    hub = await lend_hub("sqlite", {"oauth.dynamic_registration": "true"}, dispatch=False)
    asked = {"client_name": "Agent", "redirect_uris": [CALLBACK], **changed}
    answer = await hub.anonymous.post("/oauth/register", json=asked)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_registration_that_is_too_large_is_not_to_be_sent_again(lend_hub):
    hub = await lend_hub("sqlite", {"oauth.dynamic_registration": "true"}, dispatch=False)
    asked = {"client_name": "Agent", "redirect_uris": [CALLBACK], "padding": "x" * 17_000}
    assert (
        json_of(await hub.anonymous.post("/oauth/register", json=asked), 413)["error"]
        == "invalid_client_metadata"
    )
