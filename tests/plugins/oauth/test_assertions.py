"""An app that signs with its own key has no secret: ``private_key_jwt`` (RFC 7523)."""

import asyncio
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.answers import json_of
from tests.plugins.oauth.flow import CALLBACK, VERIFIER, App

from trunkline_oauth import assertions

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ISSUER = "http://hub.test"
WORTHLESS = {"grant_type": "refresh_token", "refresh_token": "x"}
PRIVATE, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def jwks_of(key, kid="one"):
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {"keys": [public | {"kid": kid, "use": "sig", "alg": "ES256"}]}


class Signer(App):
    """An app that authenticates by assertions."""

    def sign(self, *, key=PRIVATE, kid="one", algorithm="ES256", **changed):
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": f"{ISSUER}/oauth/token"}
        claims |= {"exp": now + 60, "jti": secrets.token_hex(8)} | changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})

    async def send(self, assertion, **values):
        sent = {"client_assertion": assertion, "client_assertion_type": TYPE, **values}
        return await self.http.post("/oauth/token", data=sent)


@pytest.fixture
async def signer(api):
    return await register(api, jwks=jwks_of(PRIVATE))


async def register(hub, **keys):
    body = {"name": "Desk", "redirect_uris": [CALLBACK], **keys}
    answer = await hub.operator.post("/api/v1/oauth/apps", json=body)
    assert (answer.status_code, answer.json()["client_secret"]) == (201, None), answer.text
    assert answer.json()["public"] is False
    return Signer(hub.anonymous, answer.json()["client_id"])


async def test_an_app_gets_tokens_for_its_signature_alone(running, sign_in):
    app, person = await register(running, jwks=jwks_of(PRIVATE)), await sign_in(running)
    code = (await person.decide(await person.open(app.asks())))["code"]
    grant = {
        "grant_type": "authorization_code",
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "code": code,
    }
    tokens = json_of(await app.send(app.sign(), **grant))
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assertion = app.sign(aud=[ISSUER])  # the issuer is also a valid audience
    answers = await asyncio.gather(*(app.send(assertion, **again) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert "was used before" in max(answers, key=lambda one: one.status_code).text
    unsigned = await app.http.post("/oauth/token", data={"client_id": app.client_id, **again})
    assert unsigned.status_code == 401
    secret = await app.http.post("/oauth/token", data=again, auth=(app.client_id, "oas_guess"))
    assert secret.status_code == 401


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"aud": "https://other.example"}, "is for somebody else"),
        ({"iss": "app_0"}, "of another issuer"),
        ({"sub": "app_0", "client_id": ""}, "no app with this client_id"),
        ({"exp": int(time.time()) - 60}, "has expired"),
        ({"exp": int(time.time()) + 7_200}, "must expire within"),
        ({"exp": str(int(time.time()) + 7_200)}, "must expire within"),
        ({"exp": 1e306}, "must expire within"),
        ({"exp": None}, "lacks a claim"),
        ({"jti": None}, "needs a jti"),
        ({"jti": 5}, "is not valid"),
        ({"key": OTHER}, "is not valid"),
        ({"kid": "two"}, "is not valid"),
        ({"key": "s" * 40, "algorithm": "HS256"}, "is not valid"),
    ],
)
async def test_an_assertion_that_does_not_fit_proves_nothing(signer, changed, sentence):
    answer = await signer.send(signer.sign(**changed), grant_type="refresh_token", refresh_token="x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
    assert sentence in answer.json()["error_description"]


async def test_an_assertion_is_no_secret_and_stands_alone(signer, api):
    good = WORTHLESS
    answer = await signer.send(signer.sign(), client_secret="s", **good)
    assert (answer.status_code, "twice" in answer.text) == (400, True)
    answer = await signer.http.post("/oauth/token", data={"client_assertion": signer.sign(), **good})
    assert (answer.status_code, "client_assertion_type" in answer.text) == (400, True)
    for text in ("x", "a.b.c", "..", "é.é.é", "a.W10.c"):
        assert (await signer.send(text, **good)).status_code in {400, 401}, text
    assert (await signer.send(signer.sign(), **good)).json()["error"] == "invalid_grant"
    metadata = (await api.anonymous.get("/.well-known/oauth-authorization-server")).json()
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]
    assert metadata["token_endpoint_auth_signing_alg_values_supported"] == ["RS256", "ES256", "EdDSA"]


async def test_an_app_sends_so_many_assertions_a_minute(lend_hub, monkeypatch):
    monkeypatch.setattr(assertions, "PER_MINUTE", 2)
    hub = await lend_hub("sqlite", {"limits.enabled": "true"}, dispatch=False)
    app = await register(hub, jwks=jwks_of(PRIVATE))
    answers = [await app.send(app.sign(), **WORTHLESS) for _ in range(5)]
    assert answers[0].json()["error"] == "invalid_grant"
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"]


@pytest.fixture
def published():
    """Serve keys at a URL; ``published.keys`` are the served keys."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(server.keys).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.keys = jwks_of(PRIVATE)
    server.url = f"http://127.0.0.1:{server.server_port}/keys"
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


async def test_keys_may_be_at_a_url_and_may_change(api, published):
    app, grant = await register(api, jwks_uri=published.url), WORTHLESS
    assert (await app.send(app.sign(), **grant)).json()["error"] == "invalid_grant"
    assert (await app.send(app.sign(key=OTHER), **grant)).json()["error"] == "invalid_client"
    path = f"/api/v1/oauth/apps/{app.client_id}"
    for nothing in ({"jwks": None}, {"jwks_uri": None}):  # otherwise the app would not have to authenticate
        assert (await api.operator.patch(path, json=nothing)).status_code == 409
    changed = await api.operator.patch(path, json={"jwks": jwks_of(OTHER, "two")})
    assert (changed.status_code, "jwks_uri" in changed.json()) == (200, False)
    assert (await app.send(app.sign(key=OTHER, kid="two"), **grant)).json()["error"] == "invalid_grant"
    assert (await app.send(app.sign(), **grant)).json()["error"] == "invalid_client"


async def test_keys_are_read_by_the_guarded_client_alone(lend_hub, published):
    hub = await lend_hub("sqlite", {"delivery.allow_private_networks": "false"}, dispatch=False)
    app = await register(hub, jwks_uri=published.url)
    answer = await app.send(app.sign(), grant_type="refresh_token", refresh_token="x")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
