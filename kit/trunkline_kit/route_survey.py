"""Calls every route of a plugin with missing rights and malformed input, and records the answers."""

import contextlib
import functools
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from trunkline.model.principals import COMPANY_SCOPES
from trunkline_kit.hubs import COMPANY_ID, TestHub
from trunkline_kit.routes import PluginRoute

_PARAMETER = re.compile(r"\{[^}]*\}")
UNKNOWN = "no_such_thing"

BODIES: Sequence[tuple[str, bytes]] = (
    ("an empty body", b""),
    ("half a body", b'{"a": '),
    ("a list as its body", b"[]"),
    ("null as its body", b"null"),
    ("a number as its body", b"1e400"),
    ("a body that is not UTF-8", b'{"a": "\xff\xfe"}'),
    ("a deeply nested body", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    ("a body with half a surrogate", b'{"a": "\\ud800"}'),
)
SEGMENTS: Sequence[tuple[str, str]] = (
    ("a number in its path", "1"),
    ("zero in its path", "0"),
    ("a huge number in its path", "9" * 40),
    ("a negative number in its path", "-1"),
    ("digits of another script in its path", "%D9%A1"),
    ("a zero byte in its path", "%00"),
    ("a quote in its path", "%27%22%3B--"),
    ("a path in its path", "..%2F..%2Fetc%2Fpasswd"),
    ("bytes that are not UTF-8 in its path", "%FF%FE"),
    ("a long text in its path", "x" * 2000),
)


_NAMES = ("target_url", "name", "id", "url", "room", "text", "email", "event_types", "filter", "amount")
_ODD_VALUES: Mapping[str, Any] = {
    "nulls": None,
    "lists": [[]],
    "objects": {"a": {}},
    "texts": "\u0000'\"<\u202e",
    "numbers": 2**63,
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer: *kind* names the defect of the call, *error* is the app's exception, if any."""

    route: PluginRoute
    kind: str
    sent: str
    status: int
    content_type: str
    location: str
    text: str
    error: str = ""

    @property
    def fields(self) -> set[str]:
        """Return the names in the answer, if it is a JSON object."""
        with contextlib.suppress(ValueError):
            document: Any = orjson.loads(self.text)
            return set(document) if isinstance(document, dict) else set()
        return set()


@dataclass(frozen=True, slots=True)
class Survey:
    """All calls of a plugin's routes, with their answers."""

    routes: Sequence[PluginRoute]
    exchanges: Sequence[Exchange]

    def of(self, *kinds: str) -> list[Exchange]:
        """List the exchanges whose kind is one of *kinds*."""
        return [exchange for exchange in self.exchanges if exchange.kind in kinds]


async def survey_routes(hub: TestHub, routes: Sequence[PluginRoute]) -> Survey:
    """Call *routes* without rights and with malformed input."""
    limited = {scope: await hub.client_of(COMPANY_ID, [scope]) for scope in COMPANY_SCOPES}
    wrong = {"x-api-key": f"{hub.hub.keys.prefix}_live_92_" + "A" * 43}
    exchanges: list[Exchange] = []
    for route in routes:
        exchanges.append(await _call(hub.anonymous, route, "no key"))
        exchanges.append(await _call(hub.anonymous, route, "wrong key", headers=wrong))
        exchanges += [
            await _call(client, route, "one scope", sent=scope) for scope, client in limited.items()
        ]
        exchanges += [exchange async for exchange in _with_garbage(hub, route)]
    return Survey(tuple(routes), tuple(exchanges))


async def _with_garbage(hub: TestHub, route: PluginRoute) -> AsyncIterator[Exchange]:
    call = functools.partial(_call, hub.client, route)
    if (await call("an ordinary call")).status == 403:  # for an operator alone
        call = functools.partial(_call, hub.operator, route, headers={"x-company-id": str(COMPANY_ID)})
    yield await call("unknown parameter", query={UNKNOWN: "1"})
    yield await call("an odd query", query=dict.fromkeys(("limit", "cursor", "q", "id"), "\x00'\"<\u202e"))
    for kind, segment in SEGMENTS if "{" in route.path else ():
        yield await call(kind, segment=segment)
    if route.takes_body:
        yield await call("unknown field", body=orjson.dumps({UNKNOWN: 1}))
        yield await call("a body of another type", body=b"a=1", content_type="text/plain")
        for kind, body in BODIES:
            yield await call(kind, body=body)
        for kind, value in _ODD_VALUES.items():
            yield await call(f"a body of {kind}", body=orjson.dumps(dict.fromkeys(_NAMES, value)))


async def _call(
    client: httpx2.AsyncClient,
    route: PluginRoute,
    kind: str,
    *,
    segment: str = "1",
    body: bytes | None = None,
    query: dict[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
    sent: str = "",
) -> Exchange:
    path = _PARAMETER.sub(segment.replace("\\", "\\\\"), route.path)
    content = b"{}" if body is None and route.takes_body else body
    note = sent or (f"{body[:60]!r}" if body is not None else str(query or segment)[:60])
    try:
        answer = await client.request(
            route.method,
            path,
            content=content,
            params=query,
            headers={**({"content-type": content_type} if content is not None else {}), **(headers or {})},
            follow_redirects=False,
        )
    except Exception as error:  # noqa: BLE001 - the app lets through what nobody answers for
        return Exchange(route, kind, note, 500, "", "", "", f"{type(error).__name__}: {error}")
    read = answer.headers.get
    return Exchange(
        route,
        kind,
        note,
        answer.status_code,
        read("content-type", ""),
        read("location", ""),
        answer.text[:5000],
    )
