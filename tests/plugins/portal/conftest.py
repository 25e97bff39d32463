"""The portal as a browser uses it, over a hub that runs in this process."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from html import unescape

import httpx2
import pytest
from tests.keys import scopes_of

from trunkline.access.keys import COMPANY_SCOPES
from trunkline_portal import addresses, cookies
from trunkline_portal.sessions import Sessions

_INPUT = re.compile(r'<input type="hidden" name="csrf" value="([^"]*)"')
_COMPANY = re.compile(r'<input type="hidden" name="company" value="([0-9]+(?:~test)?)"')
_TAG = re.compile(r"<[^>]+>")


@dataclass
class Browser:
    """A browser with cookies. Calls return the plain answer; redirects are not followed unless requested.

    The exception is the redirect from an address without a company to the same page of a company.
    """

    http: httpx2.AsyncClient
    csrf: str = ""
    company_id: int | None = None
    key: str = field(default="", repr=False)

    @property
    def root(self) -> str:
        """Give the prefix of the addresses of the company looked at."""
        return addresses.root_of(self.company_id)

    def at(self, path: str) -> str:
        """Give the address of the page *path* for the company looked at."""
        return path if self.company_id is None else addresses.moved_to(path, self.company_id)

    async def get(self, path: str, *, expect: int = 200, **query: str) -> httpx2.Response:
        """Load a page, and keep the token of its forms."""
        answer = await self.http.get(path, params=query or None)
        if answer.status_code == 303 and _is_moved(answer):
            answer = await self.http.get(answer.headers["location"])
        assert answer.status_code == expect, f"GET {path}: {answer.status_code} {self.words(answer)[:500]}"
        if match := _INPUT.search(answer.text):
            self.csrf = unescape(match[1])
        if match := _COMPANY.search(answer.text):
            self.company_id = addresses.company_in(addresses.HOME + f"/companies/{match[1]}")
        return answer

    async def post(
        self,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        *,
        expect: int | None = 303,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Send a form with the token of the page that was loaded last."""
        is_moved = self.company_id is not None and addresses.has_section(path.removeprefix("/portal/"))
        path = addresses.moved_to(path, self.company_id) if is_moved else path
        sent = {
            "csrf": self.csrf,
            "company": addresses.segment_of(self.company_id) if self.company_id else "",
            **(fields or {}),
        }
        answer = await self.http.post(path, data=sent, headers=dict(headers or {}))
        assert expect in {None, answer.status_code}, (
            f"POST {path}: {answer.status_code} {self.words(answer)[:500]}"
        )
        return answer

    async def follow(self, answer: httpx2.Response) -> httpx2.Response:
        """Load the page that a form's answer leads to."""
        return await self.get(answer.headers["location"])

    @staticmethod
    def words(answer: httpx2.Response) -> str:
        """Give a page's text without tags."""
        return " ".join(unescape(_TAG.sub(" ", answer.text.partition("<main")[2])).split())

    async def sign_in(self, key: str, *, expect: int = 303, next_path: str = "/portal") -> httpx2.Response:
        await self.get("/portal/sign-in")
        return await self.post("/portal/sign-in", {"key": key, "next": next_path}, expect=expect)


def _is_moved(answer: httpx2.Response) -> bool:
    """Tell whether *answer* redirects to the same page at the address of a company."""
    asked, there = answer.request.url.raw_path.decode(), answer.headers["location"]
    company_id = addresses.company_in(there)
    return company_id is not None and addresses.moved_to(asked, company_id) == there


CLIENTS = 0
"""Stands for the company of the hub's client."""

OpenBrowser = Callable[..., Browser]
SignIn = Callable[..., Awaitable[Browser]]


@pytest.fixture
async def open_browser():
    """``open_browser(running)``: a browser without cookies; with ``base_url="https://…"`` over HTTPS, from *address*."""
    async with AsyncExitStack() as stack:

        def open_one(running, *, base_url: str = "http://hub.test", address: str = "127.0.0.1") -> Browser:
            transport = httpx2.ASGITransport(app=running.app, client=(address, 4711))
            client = httpx2.AsyncClient(transport=transport, base_url=base_url)
            stack.push_async_callback(client.aclose)
            return Browser(client)

        yield open_one


@pytest.fixture
def sign_in(open_browser: OpenBrowser) -> SignIn:
    """``await sign_in(running, ["events:read"])``: a browser that is signed in to the hub's company.

    With *company_id* it is signed in to that company; None is an operator who has chosen the hub's company. The session is opened as
    by the form, but without the form's pages, which ``test_sign_in`` tests.
    """

    async def sign_in_with(
        running, scopes: Sequence[str] = COMPANY_SCOPES, *, company_id: int | None = CLIENTS
    ) -> Browser:
        if company_id == CLIENTS:
            company_id = running.company_id
        record, key = await running.hub.keys.create(
            company_id, name="Jane's key", scopes=scopes_of(company_id, scopes)
        )
        context = running.hub.registry.context("portal")
        sessions = Sessions(context, context.settings)
        session = await sessions.open(await context.keys.authenticate(key))
        browser = open_browser(running)
        cookie = sessions.cookie_of(session)
        browser.http.cookies.set(cookies.SESSION, cookie, domain="hub.test", path="/portal")
        browser.key, browser.csrf, browser.company_id = record.id, session.csrf, company_id
        if company_id is None:
            await sessions.choose_company(session, running.company_id)
            browser.company_id = running.company_id
        return browser

    return sign_in_with


@pytest.fixture
def hub_of_test(request: pytest.FixtureRequest):
    """The hub that the test asks for as ``running`` or ``hub``, otherwise ``api``."""
    asked = (name for name in ("running", "hub") if name in request.fixturenames)
    return request.getfixturevalue(next(asked, "api"))


@pytest.fixture
async def browser(hub_of_test, sign_in: SignIn) -> Browser:
    """A browser of the hub's company, signed in with every scope."""
    return await sign_in(hub_of_test)


@pytest.fixture
async def reader(hub_of_test, sign_in: SignIn) -> Browser:
    """A browser of the hub's company that may only read events."""
    return await sign_in(hub_of_test, ["events:read"])


@pytest.fixture
async def operator(hub_of_test, sign_in: SignIn) -> Browser:
    """An operator's browser that looks at the hub's company."""
    return await sign_in(hub_of_test, company_id=None)


@pytest.fixture
async def undecided(hub_of_test, open_browser: OpenBrowser) -> Browser:
    """An operator's browser that looks at no company yet."""
    _, key = await hub_of_test.hub.keys.create(None, name="op", scopes=["operator"])
    browser = open_browser(hub_of_test)
    await browser.sign_in(key)
    return browser
