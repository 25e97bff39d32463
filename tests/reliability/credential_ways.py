"""Each kind of credential and each way to end it, as in the table of ``docs/internals/credentials.md``."""

import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
from standardwebhooks import Webhook, WebhookVerificationError
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.mcp.issuer import Issuer
from tests.plugins.oauth.flow import CALLBACK, VERIFIER, App, Person, connect, hidden

from trunkline.model.principals import COMPANY_SCOPES
from trunkline.store.database import Database
from trunkline_kit.receiver import Receiver

AUDIENCE = "http://hub.test"
_COMPANIES = itertools.count(1_000)
_ALL = [*COMPANY_SCOPES]
_WRITES = {"scope": "events:read webhooks:write"}


@dataclass(frozen=True, slots=True)
class Place:
    """Two processes over one database, *here* and *there*, with functions that call them."""

    here: httpx2.AsyncClient
    there: httpx2.AsyncClient
    operator: str
    database: Database
    issuer: Issuer
    receiver: Receiver
    stack: AsyncExitStack

    async def call(self, method: str, path: str, *, key: str | None = None, **more: Any) -> httpx2.Response:
        """Call the API here, with *key* or as the operator."""
        headers = {"X-Api-Key": key or self.operator}
        answer = await self.here.request(method, f"/api/v1{path}", headers=headers, **more)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer

    async def key(self, company: int, *scopes: str) -> tuple[str, str]:
        body = {"company_id": company, "name": "Jane", "scopes": scopes or _ALL}
        made = (await self.call("POST", "/keys", json=body)).json()
        return made["id"], made["key"]

    async def change(self, statement: str) -> None:
        """Change the database directly, to simulate the passing of time."""
        async with self.database.write() as connection:
            await connection.exec_driver_sql(statement)

    async def person(self, key: str) -> Person:
        http = httpx2.AsyncClient(base_url=self.here.base_url, timeout=60)
        person = Person(await self.stack.enter_async_context(http))
        await person.sign_in(key)
        return person

    async def app(self) -> App:
        body = {"name": "Desk", "redirect_uris": [CALLBACK]}
        made = (await self.call("POST", "/oauth/apps", json=body)).json()
        return App(self.here, made["client_id"], made["client_secret"])

    async def link(self, company: int, key: str | None = None) -> dict[str, str]:
        body = {"company_id": company, "scopes": ["events:read"]}
        made = (await self.call("POST", "/portal/links", json=body, key=key)).json()
        return dict(httpx2.URL(made["url"]).params)


@dataclass(frozen=True, slots=True)
class Granted:
    """A credential. *use* tells whether the credential works at a process; *is_spent* tells whether one use ends it.

    *after* checks the effects of its end.
    """

    use: Callable[[httpx2.AsyncClient], Awaitable[bool]]
    end: Callable[[], Awaitable[object]]
    is_spent: bool = False
    after: Callable[[], Awaitable[bool]] | None = field(default=None)


Way = Callable[[Place], Awaitable[Granted]]
Ends = dict[str, Callable[[], Awaitable[object]]]
WAYS: dict[tuple[str, str], Way] = {}
_HAS = "oauth/test_ending.py::test_a_connection_has_what_the_user_has_who_allowed_it"
_FORGOTTEN = "oauth/test_ending.py::test_a_user_who_has_not_signed_in_for_long_is_forgotten"
_REPLACED = "portal/test_links.py::test_a_link_asks_before_it_replaces_somebody_elses_session_and_ends_it"
ELSEWHERE = {
    ("user of the provider", "another company"): _HAS,
    ("user of the provider", "time without a sign-in"): _FORGOTTEN,
    ("portal session", "another sign-in"): _REPLACED,
    ("app key", "other keys"): "oauth/test_assertions.py::test_keys_may_be_at_a_url_and_may_change",
}
"""Ways that need more than two processes; their tests are below ``tests/plugins``."""


def _way(kind: str, *ways: str) -> Callable[[Callable[[Place, str], Awaitable[Granted]]], None]:
    def register(grant: Callable[[Place, str], Awaitable[Granted]]) -> None:
        for way in ways:
            WAYS[kind, way] = lambda place, way=way: grant(place, way)

    return register


def _with(headers: dict[str, str]) -> Callable[[httpx2.AsyncClient], Awaitable[bool]]:
    async def use(client: httpx2.AsyncClient) -> bool:
        answer = await client.get("/api/v1/me", headers=headers)
        assert answer.status_code in {200, 401}, answer.text
        return answer.status_code == 200

    return use


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@_way("API key", "revocation", "expiry", "rotation", "erasure of the company")
async def _key(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    key_id, key = await place.key(company)
    ends = {
        "revocation": lambda: place.call("DELETE", f"/keys/{key_id}"),
        "expiry": lambda: place.change(f"UPDATE api_keys SET expires_ms = 1 WHERE id = '{key_id}'"),
        "rotation": lambda: place.call("POST", f"/keys/{key_id}/rotate", json={"overlap_seconds": 0}),
        "erasure of the company": lambda: place.call("DELETE", f"/companies/{company}"),
    }
    await place.call("GET", "/me", key=key)
    return Granted(_with({"X-Api-Key": key}), ends[way])


@_way("sign-in link", "use", "expiry", "end of the operator's key")
async def _link(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    body = {"company_id": 0, "name": "backend", "scopes": ["operator"]}
    operator = (await place.call("POST", "/keys", json=body)).json()
    fields = await place.link(company, operator["key"])

    async def use(client: httpx2.AsyncClient) -> bool:
        async with httpx2.AsyncClient(base_url=client.base_url, timeout=60) as browser:
            page = await browser.get("/portal/enter", params=fields)
            return (await browser.post("/portal/enter", data={**fields, **hidden(page)})).status_code == 303

    async def use_up() -> None:
        assert await use(place.here)

    ends: Ends = {
        "use": use_up,
        "expiry": lambda: place.change(
            f"UPDATE portal_links SET expires_ms = 1 WHERE company_id = {company}"
        ),
        "end of the operator's key": lambda: place.call("DELETE", f"/keys/{operator['id']}"),
    }
    return Granted(use, ends[way], is_spent=True)


@_way("portal session", "sign-out", "sign-out everywhere", "expiry", "end of its key")
async def _session(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    key_id, key = await place.key(company)
    person = await place.person(key)
    sent = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in person.http.cookies.jar)}
    page = f"/portal/companies/{company}/events"

    async def use(client: httpx2.AsyncClient) -> bool:
        answer = await client.get(page, headers=sent)
        assert answer.status_code in {200, 303}, answer.text
        return answer.status_code == 200

    async def leave(path: str) -> None:
        fields = hidden(await person.http.get(page))
        assert (await person.http.post(path, data=fields)).status_code == 303

    ends: Ends = {
        "sign-out": lambda: leave("/portal/sign-out"),
        "sign-out everywhere": lambda: leave("/portal/sign-out-everywhere"),
        "expiry": lambda: place.change(
            f"UPDATE portal_sessions SET expires_ms = 1 WHERE company_id = {company}"
        ),
        "end of its key": lambda: place.call("DELETE", f"/keys/{key_id}"),
    }
    return Granted(use, ends[way])


@_way("authorization code", "use", "expiry", "removal of the app")
async def _code(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    app, person = await place.app(), await place.person((await place.key(company))[1])
    code = (await person.decide(await person.open(app.asks())))["code"]

    async def use(client: httpx2.AsyncClient) -> bool:
        sent = {"code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
        return await _gets_tokens(client, app, grant_type="authorization_code", **sent)

    async def use_up() -> None:
        assert await use(place.here)

    ends: Ends = {
        "use": use_up,
        "expiry": lambda: place.change(f"UPDATE oauth_codes SET expires_ms = 1 WHERE company_id = {company}"),
        "removal of the app": lambda: place.call("DELETE", f"/oauth/apps/{app.client_id}"),
    }
    return Granted(use, ends[way], is_spent=True)


async def _gets_tokens(client: httpx2.AsyncClient, app: App, **values: str) -> bool:
    answer = await client.post("/oauth/token", data=values, auth=(app.client_id, app.secret or ""))
    return answer.status_code == 200


@_way(
    "connection",
    "disconnection",
    "revocation by its app",
    "replay of a code",
    "replay of a refresh token",
    "removal of the app",
    "end of the key",
    "expiry",
)
async def _connection(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    key_id, key = await place.key(company)
    app, person = await place.app(), await place.person(key)
    code = (await person.decide(await person.open(app.asks(**_WRITES))))["code"]
    tokens = await app.exchange(code)
    body = {"target_url": "http://127.0.0.1:9/in", "event_types": ["lead.created"]}
    for path in ("/webhooks/subscriptions", "/zapier/hooks"):
        made = await place.here.post(f"/api/v1{path}", json=body, headers=_bearer(tokens["access_token"]))
        assert made.status_code == 201, made.text
    as_company = {"X-Company-Id": str(company), "X-Api-Key": place.operator}
    listed = await place.here.get("/api/v1/oauth/connections", headers=as_company)
    connection_id = listed.json()["connections"][0]["id"]

    async def disconnect() -> None:
        ended = await place.here.delete(f"/api/v1/oauth/connections/{connection_id}", headers=as_company)
        assert ended.json() == {"subscriptions_disabled": 2, "keys_revoked": 0}

    async def replay() -> None:
        await app.refresh(tokens["refresh_token"])
        old = f"connection_id = '{connection_id}' AND replaced_ms IS NOT NULL"
        await place.change(f"UPDATE oauth_tokens SET replaced_ms = 1 WHERE {old}")
        await app.refresh(tokens["refresh_token"], expect=400)

    ends: Ends = {
        "disconnection": disconnect,
        "revocation by its app": lambda: app.revoke(tokens["refresh_token"]),
        "replay of a code": lambda: app.exchange(code, expect=400),
        "replay of a refresh token": replay,
        "removal of the app": lambda: place.call("DELETE", f"/oauth/apps/{app.client_id}"),
        "end of the key": lambda: place.call("DELETE", f"/keys/{key_id}"),
        "expiry": lambda: place.change(
            f"UPDATE oauth_connections SET expires_ms = 1 WHERE id = '{connection_id}'"
        ),
    }

    async def has_stopped() -> bool:
        listed = await place.there.get("/api/v1/subscriptions", headers=as_company)
        return {one["disabled_reason"] for one in listed.json()["subscriptions"]} == {"disconnected"}

    return Granted(_with(_bearer(tokens["access_token"])), ends[way], after=has_stopped)


@_way("access token", "expiry", "revocation", "end of its connection")
async def _access_token(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    app = await place.app()
    tokens = await connect(app, await place.person((await place.key(company))[1]))
    ends: Ends = {
        "expiry": lambda: _expire_tokens(place, company, "access"),
        "revocation": lambda: app.revoke(tokens["access_token"]),
        "end of its connection": lambda: app.revoke(tokens["refresh_token"]),
    }
    return Granted(_with(_bearer(tokens["access_token"])), ends[way])


@_way("refresh token", "use", "expiry", "end of its connection")
async def _refresh_token(place: Place, way: str) -> Granted:
    company = next(_COMPANIES)
    app = await place.app()
    tokens = await connect(app, await place.person((await place.key(company))[1]))

    async def use(client: httpx2.AsyncClient) -> bool:
        token = tokens["refresh_token"]
        return await _gets_tokens(client, app, grant_type="refresh_token", refresh_token=token)

    async def use_up() -> None:
        assert await use(place.here)
        await place.change("UPDATE oauth_tokens SET replaced_ms = 1 WHERE replaced_ms IS NOT NULL")

    ends: Ends = {
        "use": use_up,
        "expiry": lambda: _expire_tokens(place, company, "refresh"),
        "end of its connection": lambda: app.revoke(tokens["refresh_token"]),
    }
    return Granted(use, ends[way], is_spent=True)


async def _expire_tokens(place: Place, company: int, kind: str) -> None:
    own = f"connection_id IN (SELECT id FROM oauth_connections WHERE company_id = {company})"
    await place.change(f"UPDATE oauth_tokens SET expires_ms = 1 WHERE kind = '{kind}' AND {own}")


@_way("issuer's token", "expiry")
async def _issued(place: Place, _: str) -> Granted:
    leeway, lasts = 30, 3
    ends_at = time.time() + lasts
    await place.call("POST", "/companies", json={"reference": "globex"})
    token = place.issuer.token(aud=AUDIENCE, company_id="globex", exp=int(ends_at) - leeway)

    async def wait() -> None:
        while time.time() < ends_at + 0.2:
            time.sleep(0.1)

    return Granted(_with(_bearer(token)), wait)


@_way("app secret", "rotation", "removal of the app")
async def _app_secret(place: Place, way: str) -> Granted:
    app = await place.app()

    async def use(client: httpx2.AsyncClient) -> bool:
        auth = (app.client_id, app.secret or "")
        return (await client.post("/oauth/revoke", data={"token": "x"}, auth=auth)).status_code == 200

    path = f"/oauth/apps/{app.client_id}"
    ends: Ends = {
        "rotation": lambda: place.call("POST", f"{path}/rotate-secret", json={"overlap_seconds": 0}),
        "removal of the app": lambda: place.call("DELETE", path),
    }
    return Granted(use, ends[way])


@_way("webhook secret", "rotation", "deletion of the subscription")
async def _webhook_secret(place: Place, way: str) -> Granted:
    _, key = await place.key(next(_COMPANIES))
    body = {"target_url": f"{place.receiver.url}/in", "event_types": ["*"]}
    made = (await place.call("POST", "/webhooks/subscriptions", json=body, key=key)).json()
    path = f"/webhooks/subscriptions/{made['id']}"

    async def use(client: httpx2.AsyncClient) -> bool:
        tried = await client.post(f"/api/v1{path}/test", headers={"X-Api-Key": key})
        if tried.status_code != 200:
            return False
        pushed = (await place.receiver.wait_for(1))[-1]
        try:
            Webhook(made["secret"]).verify(pushed.body, dict(pushed.headers))
        except WebhookVerificationError:
            return False
        return True

    rotation = {"overlap_seconds": 0}
    ends: Ends = {
        "rotation": lambda: place.call("POST", f"{path}/rotate-secret", json=rotation, key=key),
        "deletion of the subscription": lambda: place.call("DELETE", path, key=key),
    }
    return Granted(use, ends[way])


@_way("MCP session", "end of its key or token")
async def _mcp(place: Place, _: str) -> Granted:
    key_id, key = await place.key(next(_COMPANIES))

    async def use(client: httpx2.AsyncClient) -> bool:
        answer = await Conversation(client, headers={"x-api-key": key}).send("tools/list")
        assert answer.status_code in {200, 401}, answer.text
        return answer.status_code == 200

    return Granted(use, lambda: place.call("DELETE", f"/keys/{key_id}"))
