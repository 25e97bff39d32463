"""The plugin as a company uses it: over HTTP, on a hub with each database in turn."""

from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.answers import json_of

BASE = "/api/v1/integrations"
JANE = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}


@dataclass(frozen=True, slots=True)
class Crm:
    """The calls of one company. Each call checks its status code and returns the answer's JSON."""

    http: httpx2.AsyncClient
    company_id: int

    async def call(self, method: str, path: str, body: object = None, *, expect: int = 200, **query: object):
        content = {} if body is None else {"json": body}
        return json_of(await self.http.request(method, BASE + path, params=query, **content), expect)

    async def faults(self, method: str, path: str, body: object) -> dict[str, str]:
        refused = await self.call(method, path, body, expect=422)
        return {fault["path"]: fault["message"] for fault in refused["errors"]}

    async def lead(self, *, expect: int = 201, **fields: object) -> dict[str, Any]:
        return await self.call("POST", "/leads", {**JANE, **fields}, expect=expect)

    async def client(self, *, expect: int = 201, **fields: object) -> dict[str, Any]:
        return await self.call("POST", "/clients", {**JANE, **fields}, expect=expect)

    async def affiliate(self, *, expect: int = 201, **fields: object) -> dict[str, Any]:
        body = {"first_name": "Rosa", "last_name": "Bennett", "email": "rosa.bennett@example.com", **fields}
        return await self.call("POST", "/affiliates", body, expect=expect)

    async def employee(self, full_name: str = "Maria Lopez") -> int:
        made = await self.call("POST", "/employees", {"full_name": full_name}, expect=201)
        return made["employee_id"]

    async def find(self, kind: str = "clients", **keys: object) -> dict[str, Any] | None:
        answer = await self.call("GET", f"/{kind}/search", **keys)
        assert answer["count"] == len(answer["results"]) <= 1
        return answer["results"][0] if answer["results"] else None

    async def events(self, type: str = "") -> list[dict[str, Any]]:
        answer = json_of(await self.http.get("/api/v1/events", params={"types": type, "limit": 200}))
        return answer["events"]


@pytest.fixture
def crm(running) -> Crm:
    """Give the calls of a company, on each database in turn."""
    return Crm(running.client, running.company_id)


@pytest.fixture
async def neighbour(running) -> Crm:
    """Give the calls of another company in the same database."""
    return Crm(await running.client_of(running.neighbour_id), running.neighbour_id)


@pytest.fixture
def small_crm(api) -> Crm:
    """Give the calls of a company on SQLite, for tests that do not depend on the database."""
    return Crm(api.client, api.company_id)
