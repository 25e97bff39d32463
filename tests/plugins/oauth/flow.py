"""The parties of OAuth: an app, the person who connects it, and the hub."""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

CALLBACK = "https://app.example/callback"
VERIFIER = "v" * 50
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
_HIDDEN = re.compile(r'<input type="hidden" name="(csrf|company)" value="([^"]*)"')


@dataclass
class Person:
    """A person with a browser who is signed in to the portal."""

    http: httpx2.AsyncClient

    async def sign_in(self, key: str) -> None:
        page = await self.http.get("/portal/sign-in")
        answer = await self.http.post("/portal/sign-in", data={"key": key, "next": "", **hidden(page)})
        assert answer.status_code == 303, answer.text

    async def open(self, url: str) -> httpx2.Response:
        """Open *url*, and follow redirects within the hub."""
        answer = await self.http.get(url)
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.http.get(answer.headers["location"])
        return answer

    async def decide(self, page: httpx2.Response, decision: str = "allow") -> dict[str, str]:
        """Send the form of the consent page; return the parameters that the app gets."""
        answer = await self.http.post(page.url, data={"decision": decision, **filled(page)})
        assert answer.status_code == 303, answer.text
        return told(answer)


def hidden(page: httpx2.Response) -> dict[str, str]:
    return {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}


def filled(page: httpx2.Response) -> dict[str, Any]:
    """Give the fields of the unchanged consent form."""
    return {**hidden(page), "scope": re.findall(r'name="scope" value="([^"]+)" checked', page.text)}


def told(answer: httpx2.Response) -> dict[str, str]:
    """Give the parameters that an app reads from the redirect."""
    location = answer.headers["location"]
    assert location.startswith(CALLBACK + "?"), location
    return dict(parse_qsl(urlsplit(location).query))


@dataclass
class App:
    """A registered app with its credentials."""

    http: httpx2.AsyncClient
    client_id: str
    secret: str | None = field(default=None, repr=False)

    def asks(self, **changed: str | None) -> str:
        """Give the address to which the app sends people."""
        values = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "events:read integrations:read",
            "state": "s 1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        query = httpx2.QueryParams({name: value for name, value in values.items() if value is not None})
        return f"/oauth/authorize?{query}"

    async def token(self, *, expect: int = 200, **values: str) -> dict[str, Any]:
        auth = (self.client_id, self.secret) if self.secret else None
        sent = values if auth else {"client_id": self.client_id, **values}
        answer = await self.http.post("/oauth/token", data=sent, auth=auth)
        assert answer.status_code == expect, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    async def exchange(self, code: str, *, expect: int = 200, **changed: str) -> dict[str, Any]:
        values = {"code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK, **changed}
        return await self.token(grant_type="authorization_code", expect=expect, **values)

    async def refresh(self, token: str, *, expect: int = 200, **more: str) -> dict[str, Any]:
        return await self.token(grant_type="refresh_token", refresh_token=token, expect=expect, **more)

    async def revoke(self, token: str) -> None:
        answer = await self.http.post(
            "/oauth/revoke", data={"token": token}, auth=(self.client_id, self.secret or "")
        )
        assert (answer.status_code, answer.content) == (200, b"")

    async def me(self, token: str) -> httpx2.Response:
        return await self.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


async def connect(app: App, person: Person, **changed: str | None) -> dict[str, Any]:
    """Let *person* allow the request of *app*; return the tokens."""
    page = await person.open(app.asks(**changed))
    assert page.status_code == 200, page.text
    return await app.exchange((await person.decide(page))["code"])
