"""The portal: pages over a long log, forms in a loop, and sign-ins."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
from attack import Attack
from fill import long_delivery_log
from row import row

_CSRF = re.compile(r'<input type="hidden" name="csrf" value="([^"]*)"')


class Browser:
    """Somebody of an attacker's company, signed in."""

    def __init__(self, attack: Attack, session: aiohttp.ClientSession) -> None:
        self._attack = attack
        self._session = session
        self._csrf = ""

    @property
    def root(self) -> str:
        """Give the prefix of the addresses of the company's pages."""
        return f"/portal/companies/{self._attack.companies[0].id}"

    async def get(self, path: str) -> str:
        """Load a page, and keep the token of its forms."""
        async with self._session.get(f"{self._attack.url}{path}", allow_redirects=False) as answer:
            page = await answer.text(errors="replace")
        self._attack.noted[str(answer.status)] += 1
        if found := _CSRF.search(page):
            self._csrf = unescape(found[1])
        return page

    async def get_location(self, path: str) -> str:
        """Load a page that redirects; return the target."""
        async with self._session.get(f"{self._attack.url}{path}", allow_redirects=False) as answer:
            self._attack.noted[str(answer.status)] += 1
            return answer.headers.get("Location", "")

    async def post(self, path: str, **fields: str) -> int:
        """Send a form; return the status."""
        return (await self._post(path, fields))[0]

    async def post_for_location(self, path: str, **fields: str) -> str:
        """Send a form; return the target of the answer's redirect, if any."""
        return (await self._post(path, fields))[1]

    async def _post(self, path: str, fields: dict[str, str]) -> tuple[int, str]:
        data = {"csrf": self._csrf, "company": str(self._attack.companies[0].id), **fields}
        address = f"{self._attack.url}{path}"
        async with self._session.post(address, data=data, allow_redirects=False) as answer:
            await answer.read()
        self._attack.noted[str(answer.status)] += 1
        return answer.status, answer.headers.get("Location", "")


@contextlib.asynccontextmanager
async def signed_in(attack: Attack) -> AsyncGenerator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as session:
        browser = Browser(attack, session)
        await browser.get("/portal/sign-in")
        await browser.post("/portal/sign-in", key=attack.key(), next="/portal")
        yield browser


async def _load(attack: Attack, *paths: str, at_once: int = 4) -> None:
    """Load *paths* below the company's root."""
    async with signed_in(attack) as browser:
        await attack.repeat(
            lambda turn: browser.get(browser.root + paths[turn % len(paths)]), at_once=at_once
        )


@row(prepare=long_delivery_log, in_part=("postgresql",))
async def overview_of_a_long_log(attack: Attack) -> None:
    """The overview of 200,000 events and deliveries is loaded repeatedly, four at a time."""
    await _load(attack, "", "?span=30d", "?span=7d")


@row(prepare=long_delivery_log)
async def search_in_a_long_log(attack: Attack) -> None:
    """A text without a match is searched for in 200,000 events, four at a time."""
    await _load(attack, "/events?q=nowhere", "/events?q=xxxxxxxxxxxxxxxxxy")


@row(prepare=long_delivery_log)
async def live_list(attack: Attack) -> None:
    """The live part of the list of events is loaded as if by forty open windows."""
    await _load(attack, "/events/list", at_once=40)


@row()
async def connectors_downloaded(attack: Attack) -> None:
    """The generated connectors are downloaded repeatedly, four at a time."""
    await _load(attack, "/connectors/zapier.zip", "/connectors/n8n.zip", "/connectors/make.zip")


@row()
async def pages_in_a_loop(attack: Attack) -> None:
    """Each page of the portal is loaded, eight at a time, without a pause."""
    pages = ("", "/catalogue", "/keys", "/subscriptions", "/health", "/x/mcp/agents")
    await _load(attack, *pages, at_once=8)


@row()
async def forms_in_a_loop(attack: Attack) -> None:
    """The form that sends an example event is sent repeatedly, eight at a time."""
    async with signed_in(attack) as browser:
        await browser.get(f"{browser.root}/catalogue/lead.created")
        payload = (
            '{"client_id": 1, "first_name": "M", "last_name": "D", "email": "m@example.com", "phone": "1",'
            '"status": "Lead - New", "status_id": 10, "created_date": "2026-01-28T10:30:00Z"}'
        )
        await attack.repeat(
            lambda _: browser.post(f"{browser.root}/catalogue/lead.created", payload=payload), at_once=8
        )


@row()
async def subscriptions_by_form(attack: Attack) -> None:
    """Subscriptions are made by the portal's form, eight at a time."""
    async with signed_in(attack) as browser:
        await browser.get(f"{browser.root}/subscriptions/new")
        fields = {"target_url": "http://127.0.0.1:9/form", "event_types": "*", "start": "now"}
        await attack.repeat(lambda _: browser.post(f"{browser.root}/subscriptions/new", **fields), at_once=8)


@row()
async def sign_ins(attack: Attack) -> None:
    """Somebody tries wrong keys, eight at a time, from addresses that a header changes each time."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        browser = Browser(attack, session)
        await browser.get("/portal/sign-in")

        async def sign_in(turn: int) -> None:
            session.headers["X-Forwarded-For"] = f"192.0.2.{turn % 250}"
            await browser.post("/portal/sign-in", key=f"wlcro_live_7_{turn:043}", next="/portal")

        await attack.repeat(sign_in, at_once=8)


@row()
async def sign_ins_with_a_key(attack: Attack) -> None:
    """Somebody signs in with a valid key repeatedly, eight at a time, and never uses a session again."""

    async def sign_in(_: int) -> None:
        async with signed_in(attack):
            pass

    await attack.repeat(sign_in, at_once=8)


_PROVIDER = 48_117
"""The port of a provider that the settings name before it runs."""


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a provider that sends its metadata at once, and never sends tokens."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        if b" /.well-known/" not in await reader.readuntil(b"\r\n\r\n"):
            await reader.read()
        url = f"http://127.0.0.1:{_PROVIDER}"
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        body = orjson.dumps({"issuer": url, **{name: f"{url}/{name}" for name in names}})
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()
    writer.close()


@row(
    settings={
        "SERVER__PUBLIC_URL": "http://127.0.0.1:9",
        "PORTAL__OIDC__ISSUER": f"http://127.0.0.1:{_PROVIDER}",
        "PORTAL__OIDC__CLIENT_ID": "portal",
    },
    seconds=8,
)
async def codes_of_a_provider(attack: Attack) -> None:
    """Somebody returns from a hanging identity provider with made-up codes, eight at a time, without a key."""

    async def come_back(_: int) -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            browser = Browser(attack, session)
            there = await browser.get_location("/portal/sign-in/begin")
            state = parse_qs(urlsplit(there).query).get("state", ["x"])[0]
            await browser.get(f"/portal/sign-in/callback?code={'x' * 4_000}&state={state}")

    async with await asyncio.start_server(_hang, "127.0.0.1", _PROVIDER):
        await attack.repeat(come_back, at_once=8)


@row()
async def large_forms(attack: Attack) -> None:
    """Forms of 10 MiB are sent without a session, four at a time."""
    async with aiohttp.ClientSession() as session:
        browser = Browser(attack, session)
        text = "x" * (10 * 2**20)

        async def send(_: int) -> None:
            try:
                await browser.post("/portal/sign-in", key=text, next="/portal")
            except aiohttp.ClientError:
                attack.noted["closed"] += 1

        await attack.repeat(send, at_once=4)
