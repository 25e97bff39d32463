"""A person connects an app, which then calls the API with its tokens."""

import re
from html import unescape

import pytest
from tests.plugins.oauth.flow import CALLBACK, connect, filled, hidden, told

ISSUER = "http://hub.test"


async def test_an_app_gets_what_somebody_allows_and_no_more(running, register, sign_in):
    app, person = await register(running), await sign_in(running)
    page = await person.open(app.asks())
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
    assert f"Desk asks for access to company {running.company_id}" in words
    assert "app.example" in words
    assert re.findall(r'name="scope" value="([^"]+)"', page.text) == ["events:read", "integrations:read"]

    answer = await person.decide(page)
    assert {name: answer[name] for name in ("state", "iss")} == {"state": "s 1", "iss": ISSUER}
    tokens = await app.exchange(answer["code"])
    scopes = ["events:read", "integrations:read"]
    assert tokens.items() >= {"token_type": "Bearer", "expires_in": 3600, "scope": " ".join(scopes)}.items()

    me = (await app.me(tokens["access_token"])).json()
    assert me == {"company_id": running.company_id, "key_name": "Desk", "scopes": scopes}
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await running.anonymous.get("/api/v1/events", headers=bearer)).status_code == 200
    refused = await running.anonymous.get("/api/v1/subscriptions", headers=bearer)
    assert (refused.status_code, "webhooks:read" in refused.text) == (403, True)
    other = bearer | {"X-Company-Id": str(running.neighbour_id)}
    assert (await running.anonymous.get("/api/v1/events", headers=other)).status_code == 403
    assert (await app.me(tokens["refresh_token"])).status_code == 401


async def test_an_app_is_connected_with_the_test_environment_where_that_was_switched_to(
    api, register, sign_in
):
    app, person = await register(api), await sign_in(api)
    page = await person.open(app.asks())
    switch = re.search(r'<nav class="environments".*?<a href="([^"]*)">Test</a>', page.text, re.DOTALL)
    page = await person.open(unescape(switch[1]))
    assert f"Desk asks for access to the test environment of company {api.company_id}" in page.text
    tokens = await app.exchange((await person.decide(page))["code"])
    me = (await app.me(tokens["access_token"])).json()
    assert (me["company_id"], me["environment"]) == (api.company_id, "test")
    live = (await api.client.get("/api/v1/oauth/connections")).json()["connections"]
    test = await (await api.client_of(-api.company_id)).get("/api/v1/oauth/connections")
    (connection,) = test.json()["connections"]
    assert (connection["company_id"], connection["environment"]) == (api.company_id, "test")
    assert connection["id"] not in {each["id"] for each in live}
    assert all("environment" not in each for each in live)


async def test_a_person_chooses_among_the_scopes_and_sees_the_companys_name(running, register, sign_in):
    await running.operator.patch(f"/api/v1/companies/{running.company_id}", json={"name": "Acme <Credit>"})
    app, person = await register(running), await sign_in(running)
    page = await person.open(app.asks())
    assert (
        f"Desk asks for access to <bdi>Acme &lt;Credit&gt;</bdi> (company {running.company_id})" in page.text
    )
    assert 'name="decision" value="chosen"' in page.text
    none = await person.http.post(page.url, data={"decision": "chosen", **hidden(page)})
    assert none.status_code == 200
    assert "Choose at least one" in none.text
    assert " checked" not in none.text
    sent = {"decision": "chosen", "scope": ["integrations:read", "admin"], **hidden(page)}
    answer = told(await person.http.post(page.url, data=sent))
    assert (await app.exchange(answer["code"]))["scope"] == "integrations:read"
    page = await person.open(app.asks())
    answer = told(await person.http.post(page.url, data={"decision": "allow", **hidden(page)}))
    assert (await app.exchange(answer["code"]))["scope"] == "events:read integrations:read"


async def test_nobody_gives_what_is_not_theirs(api, register, sign_in):
    app, person = await register(api), await sign_in(api, ["events:read"])
    assert (await connect(app, person))["scope"] == "events:read"
    page = await person.open(app.asks(scope="integrations:write"))
    assert 'value="chosen"' not in page.text
    assert (await person.decide(page, "allow"))["error"] == "access_denied"


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(api, register, stack, sign_in):
    app, person = await register(api), await sign_in(api)
    person.http.cookies.clear()
    page = await person.open(app.asks())
    assert "/portal/sign-in" in str(page.url)
    _, key = await api.hub.keys.create(api.company_id, name="Joe", scopes=["events:read"])
    next_path = unescape(re.search(r'name="next" value="([^"]*)"', page.text)[1])
    entered = await person.http.post("/portal/sign-in", data={"key": key, "next": next_path, **hidden(page)})
    page = await person.open(entered.headers["location"])
    assert "Desk asks for access" in page.text


async def test_an_operator_chooses_the_company(api, register, sign_in):
    app, operator = await register(api), await sign_in(api, company_id=None)
    page = await operator.open(app.asks())
    assert page.url.path == "/portal/company"
    next_path = unescape(re.findall(r'name="next" value="([^"]*)"', page.text)[-1])
    fields = {"company_id": str(api.neighbour_id), "next": next_path, **hidden(page)}
    chosen = await operator.http.post("/portal/company", data=fields)
    page = await operator.open(chosen.headers["location"])
    tokens = await app.exchange((await operator.decide(page))["code"])
    assert (await app.me(tokens["access_token"])).json()["company_id"] == api.neighbour_id


async def test_what_is_denied_leads_back_without_a_code(api, register, sign_in):
    app, person = await register(api), await sign_in(api)
    answer = await person.decide(await person.open(app.asks()), "deny")
    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"], "code" in answer) == ("s 1", ISSUER, False)


async def test_consent_is_the_persons_own(api, register, sign_in):
    """Check that no other site can give consent: by a form, in a frame, or by a request."""
    app, person = await register(api), await sign_in(api)
    page = await person.open(app.asks())
    assert page.headers["x-frame-options"] == "DENY"
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy
    forged = await person.http.post(page.url, data={"decision": "allow", "csrf": "x", "company": "92"})
    assert forged.status_code == 403
    elsewhere = str(page.url).replace("request=", "request=x")
    gone = await person.http.get(elsewhere)
    assert "no longer valid" in gone.text
    undecided = await person.http.post(elsewhere, data={"decision": "allow", **filled(page)})
    assert (undecided.status_code, "no longer valid" in undecided.text) == (200, True)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"client_id": "app_0"}, "no app with this client_id"),
        ({"client_id": None}, "'client_id' is missing"),
        ({"redirect_uri": "https://app.example/callback/"}, "redirect_uri is not one"),
        ({"redirect_uri": "https://evil.example/callback"}, "redirect_uri is not one"),
        ({"redirect_uri": f"{CALLBACK}?x=1"}, "redirect_uri is not one"),
        ({"state": "s" * 2_049}, "2048 or fewer"),
        ({"state": "é"}, "plain characters"),
    ],
)
async def test_nobody_is_led_to_an_address_that_is_not_registered(api, register, changed, sentence):
    app = await register(api)
    answer = await api.anonymous.get(app.asks(**changed))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert sentence in answer.json()["error_description"]
    twice = await api.anonymous.get(f"{app.asks()}&redirect_uri=https://evil.example")
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "events:read admin"}, "invalid_scope"),
        ({"scope": "operator"}, "invalid_scope"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": "http://hub.test.evil.example"}, "invalid_target"),
    ],
)
async def test_an_app_is_told_what_is_wrong_with_what_it_asks_for(api, register, changed, error):
    answer = await api.anonymous.get((await register(api)).asks(**changed))
    assert (told(answer)["error"], told(answer)["state"], told(answer)["iss"]) == (error, "s 1", ISSUER)


async def test_the_metadata_name_what_there_is(api):
    answer = await api.anonymous.get("/.well-known/oauth-authorization-server")
    metadata = answer.json()
    assert metadata["issuer"] == ISSUER
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint"):
        assert (await api.anonymous.post(metadata[name])).status_code in {400, 405}, name


async def test_below_a_path_the_metadata_are_where_rfc_8414_and_rfc_9728_have_them(lend_hub):
    hub = await lend_hub("sqlite", {"server.public_url": "https://example.com/hub"}, dispatch=False)
    for path in ("", "/hub"):
        metadata = await hub.anonymous.get(f"/.well-known/oauth-authorization-server{path}")
        assert metadata.json()["issuer"] == "https://example.com/hub"
        for below in ("", "/mcp"):
            answer = await hub.anonymous.get(f"/.well-known/oauth-protected-resource{path}{below}")
            assert answer.json()["resource"] == f"https://example.com/hub{below}"
    assert (await hub.anonymous.get("/.well-known/oauth-authorization-server/other")).status_code == 404


async def test_a_program_on_a_persons_own_machine_chooses_its_port(api, register, sign_in):
    app = await register(api, public=True, redirect_uris=["http://127.0.0.1/back"])
    assert app.secret is None
    person = await sign_in(api)
    page = await person.open(app.asks(redirect_uri="http://127.0.0.1:51733/back", resource=ISSUER))
    answer = await person.http.post(page.url, data={"decision": "allow", **filled(page)})
    location = answer.headers["location"]
    assert location.startswith("http://127.0.0.1:51733/back?code=")
    code = re.search(r"code=([^&]+)", location)[1]
    tokens = await app.exchange(code, redirect_uri="http://127.0.0.1:51733/back")
    assert (await app.me(tokens["access_token"])).status_code == 200
    for uri in ("http://127.0.0.1:1/else", "http://localhost:1/back", "https://127.0.0.1/back"):
        assert (await api.anonymous.get(app.asks(redirect_uri=uri))).status_code == 400


async def test_names_that_would_be_html_are_text(api, register, sign_in):
    app = await register(api, name="<script>alert(1)</script>")
    page = await (await sign_in(api)).open(app.asks())
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
