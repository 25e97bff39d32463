"""Calls a plugin's routes for two companies. The first stores and reads data; the second tries to read and change that data."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from trunkline.schemas.catalog import Json
from trunkline_kit.hubs import COMPANY_ID, TestHub
from trunkline_kit.routes import PluginRoute

NEIGHBOUR_ID = 93
CANARY = "canary-of-company-92"
FOREIGN = "canary-of-company-93"
_PARAMETER = re.compile(r"\{[^}]*\}")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Leak:
    """Data of another company that a route showed or changed; *how* names the call."""

    route: PluginRoute
    how: str


@dataclass(frozen=True, slots=True)
class Companies:
    """The result for two companies.

    *stored* counts the first company's data; *leaks* lists the data that the second company saw or changed.
    """

    stored: int
    leaks: Sequence[Leak]


async def try_companies(
    hub: TestHub, routes: Sequence[PluginRoute], bodies: Mapping[str, Mapping[str, Json]]
) -> Companies:
    """Find the data of company 92 that company 93 can read or change by calling *routes*.

    Company 92 stores data by every POST route and reads by every GET route, then company 93 calls the same routes.
    *bodies* has valid bodies by route.
    """
    neighbour = await hub.client_of(NEIGHBOUR_ID)
    document: Mapping[str, Any] = (await hub.anonymous.get("/openapi.json")).json()
    ids: set[str] = set()
    taken: dict[PluginRoute, Mapping[str, Json]] = {}
    for route in routes:
        if route.method == "POST" and "{" not in route.path:
            body = bodies.get(str(route)) or make_body(document, route)
            answer = await hub.client.post(route.path, json=body)
            if answer.is_success:
                taken[route] = body
                ids |= set(_ids_in(answer))
    known = {CANARY, *ids}
    reads = [route for route in routes if route.method == "GET" and "{" not in route.path]
    shown = {str(route): (await hub.client.get(route.path)).text for route in reads}
    stored = [route for route in reads if _shows(shown[str(route)], known)]
    leaks = [leak for route in stored for leak in await _read(neighbour, route, known)]
    leaks += [
        leak for route, body in taken.items() for leak in await _store(hub, neighbour, route, body, reads)
    ]
    leaks += [
        leak for route in routes if "{" in route.path for leak in await _address(hub, neighbour, route, ids)
    ]
    for route in stored:
        if not _shows((await hub.client.get(route.path)).text, known):
            how = "no longer shows what is its company's, once another company had called the routes"
            leaks.append(Leak(route, how))
    return Companies(len(stored) + len(ids), leaks)


async def _read(neighbour: httpx2.AsyncClient, route: PluginRoute, known: set[str]) -> list[Leak]:
    """Repeat company 92's reads as company 93: unchanged, then with company 92's id in the query and in a header."""
    number = str(COMPANY_ID)
    places: Sequence[tuple[str, Mapping[str, Any]]] = (
        ("once that company had read it", {}),
        ("by its id in the query", {"params": {"company_id": number}}),
        ("by its id in the query", {"params": {"companyId": number}}),
        ("by its id in the header X-Company-Id", {"headers": {"X-Company-Id": number}}),
    )
    return [
        Leak(route, f"shows a company what another one has, {how}")
        for how, given in places
        if _shows((await neighbour.get(route.path, **given)).text, known)
    ][:1]


async def _store(
    hub: TestHub,
    neighbour: httpx2.AsyncClient,
    route: PluginRoute,
    body: Mapping[str, Json],
    reads: Sequence[PluginRoute],
) -> list[Leak]:
    """Store data as company 93, with company 92's id in the body; if company 92 can read the data, that is a leak."""
    text = orjson.dumps(body).decode().replace(CANARY, FOREIGN)
    for name in ("company_id", "companyId"):
        answer = await neighbour.post(route.path, json={**orjson.loads(text), name: COMPANY_ID})
        known = {FOREIGN, *_ids_in(answer)} if answer.is_success else set[str]()
        for read in reads:
            if known and _shows((await hub.client.get(read.path)).text, known):
                return [Leak(route, "stores for another company what names it in the body")]
    return []


async def _address(
    hub: TestHub, neighbour: httpx2.AsyncClient, route: PluginRoute, ids: set[str]
) -> list[Leak]:
    """Read each record of company 92 by its id, first as company 92, then as company 93."""
    if len(_PARAMETER.findall(route.path)) != 1:
        return []
    leaks: list[Leak] = []
    for number in sorted(ids):
        path = _PARAMETER.sub(number, route.path)
        if route.method == "GET":
            own = await hub.client.get(path)
            answer = await neighbour.get(path)
            if own.is_success and answer.is_success:
                leaks.append(Leak(route, "answers a company with another one's record by its id"))
        elif route.method in {"DELETE", "PATCH", "PUT"}:
            await neighbour.request(route.method, path, json={} if route.takes_body else None)
    return leaks[:1]


def make_body(document: Mapping[str, Any], route: PluginRoute) -> Mapping[str, Json]:
    """Make a body for *route* from its schema, with the canary (a marker text) in every free text field."""
    operation = document["paths"].get(route.path, {}).get(route.method.lower(), {})
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    made = _make(content.get("schema", {}), document, 0)
    return made if isinstance(made, dict) else {}


def _make(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Json:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _make(document["components"]["schemas"][name], document, depth + 1)
    constant = [schema["const"]] if "const" in schema else []
    for given in (schema.get("examples"), schema.get("enum"), constant):
        if given:
            return given[0]
    branches = [branch for branch in schema.get("anyOf", ()) if branch.get("type") != "null"]
    if branches:
        return _make(branches[0], document, depth + 1)
    return _plain(schema, document, depth)


def _plain(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Json:
    match schema.get("type"):
        case "object" if depth <= _DEEPEST:
            required = schema.get("required", ())
            return {
                name: _make(one, document, depth + 1)
                for name, one in schema.get("properties", {}).items()
                if name in required
            }
        case "array":
            return [_make(schema.get("items", {}), document, depth + 1)]
        case "string":
            return CANARY[: schema.get("maxLength", len(CANARY))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return {}


def _ids_in(answer: httpx2.Response) -> Iterator[str]:
    """Yield the ids in an answer that are long enough to be unique."""
    content: Any = answer.json() if "json" in str(answer.headers.get("content-type", "")) else {}
    for name, value in content.items() if isinstance(content, dict) else ():
        if (name == "id" or name.endswith("_id")) and isinstance(value, str) and len(value) > 5:
            yield value


def _shows(text: str, known: set[str]) -> bool:
    return any(one in text for one in known)
