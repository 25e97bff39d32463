"""Companies over two databases (docs/explanation/scaling.md): two deployments, and a router that finds a call's company."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2
import pytest
from aiohttp import web
from standardwebhooks import Webhook
from tests.answers import json_of
from tests.keys import make_key
from tests.plugins.mcp.conversation import Conversation
from tests.programs import free_port
from tests.reliability.cell_router import COOKIE, SIGN_IN, Cell, Router
from tests.reliability.conftest import Deployment
from tests.reliability.events import EVENTS
from tests.some import some
from tests.waiting import until

from trunkline_kit.receiver import ReceivedRequest, Receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FIRST_IDS = (1, 1_000_000)
COMPANIES = {"acme": 1, "globex": 1_000_001}
"""By reference: each cell's first company, and the id that the cell gives it."""
SCOPES = ["events:read", "events:write", "webhooks:write"]
TABLES = "SELECT table_name FROM information_schema.columns WHERE column_name = 'company_id' AND table_schema = 'public'"
NOBODYS = {None, 0}
"""Company values in rows of operators, and in rows without a company."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A company, and its credentials from the router."""

    company_id: int
    reference: str
    key: dict[str, Any]
    subscription: dict[str, Any]

    @property
    def named(self) -> dict[str, str]:
        return {"X-Company-Id": str(self.company_id)}


@dataclass(frozen=True, slots=True)
class World:
    """Two cells behind a router, a customer in each, and the receiver of both."""

    deployments: list[Deployment]
    cells: list[Cell]
    url: str
    receiver: Receiver
    customers: list[Customer]

    def client(self, key: str = "", *, url: str = "") -> httpx2.AsyncClient:
        headers = {"X-Api-Key": key} if key else {}
        return httpx2.AsyncClient(base_url=url or self.url, headers=headers, timeout=60)

    def operator(self) -> httpx2.AsyncClient:
        """Give the client of an operator who does not know the cells."""
        return self.client(self.cells[0].operator_key)

    def event(self, number: int) -> dict[str, object]:
        return self.deployments[0].event(number)

    def pushes(self, customer: Customer) -> dict[int, ReceivedRequest]:
        received = [request for request in self.receiver.requests if request.path == f"/{customer.reference}"]
        return {int(request.headers["webhook-id"]): request for request in received}

    async def await_pushes(self, customer: Customer, emitted: list[int]) -> None:
        await until(lambda: {*emitted} <= self.pushes(customer).keys(), what="the pushes")

    async def companies_in(self, number: int) -> set[int]:
        """List the companies with a row in any table of a cell's database; ids below 0 are test environments."""
        deployment = self.deployments[number]
        tables = [name for (name,) in await deployment.query(TABLES)]
        assert {"api_keys", "events", "subscriptions", "companies", "portal_sessions"} <= {*tables}
        rows = await deployment.query(" UNION ".join(f"SELECT company_id FROM {table}" for table in tables))
        return {row.company_id for row in rows} - NOBODYS

    async def events_stored(self) -> list[int]:
        counts = [await each.query(f"SELECT count(*) FROM {EVENTS}") for each in self.deployments]
        return [count for [(count,)] in counts]


@pytest.fixture(scope="module")
async def deployments(migrated_databases, tmp_path_factory) -> AsyncIterator[list[Deployment]]:
    """Two deployments on separate databases, with the same encryption key and different peppers."""
    async with contextlib.AsyncExitStack() as stack:
        made: list[Deployment] = []
        for number in range(2):
            folder = tmp_path_factory.mktemp(f"cell-{number}")
            url = await migrated_databases.fresh("postgresql", folder=folder, stack=stack)
            made.append(Deployment(url, folder))
            stack.callback(made[-1].close)
            made[-1].environment |= {
                "TRUNKLINE_PLUGINS__ENABLED": "webhooks,polling,portal,mcp",
                "TRUNKLINE_AUTH__PEPPER": f"{number}" * 32,
            }
        yield made


@pytest.fixture(scope="module")
async def cells(deployments) -> list[Cell]:
    """Serve both deployments, each at a separate address."""
    ports = [free_port() for _ in deployments]
    processes = await asyncio.gather(
        *(
            deployment.serve("--port", str(port), TRUNKLINE_SERVER__PUBLIC_URL=f"http://127.0.0.1:{port}")
            for deployment, port in zip(deployments, ports, strict=True)
        )
    )
    keys = [make_key(deployment.environment, None) for deployment in deployments]
    return [
        Cell(process.url, first, key) for process, first, key in zip(processes, FIRST_IDS, keys, strict=True)
    ]


@pytest.fixture(scope="module")
async def router(cells) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(Router(cells, references=COMPANIES).handle))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
async def world(deployments, cells, router) -> AsyncIterator[World]:
    """Make the companies, each in its cell; everything else is made through the router."""
    async with Receiver() as receiver:
        made = World(deployments, cells, router, receiver, [])
        for cell, reference in zip(cells, COMPANIES, strict=True):
            company_id = await make_company(made.client(cell.operator_key, url=cell.url), cell, reference)
            made.customers.append(await settle(made, company_id, reference))
        yield made


async def make_company(client: httpx2.AsyncClient, cell: Cell, reference: str) -> int:
    """Make a company at the cell's own address, after the cell's lowest id was set."""
    async with client:
        if cell.first_company_id > 1:
            begin = f"/api/v1/companies/{cell.first_company_id}"
            assert (await client.patch(begin, json={"name": "begin of the cell"})).status_code == 200
        made = await client.post("/api/v1/companies", json={"reference": reference})
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def settle(world: World, company_id: int, reference: str) -> Customer:
    async with world.operator() as operator:
        request = {"company_id": company_id, "name": "test", "scopes": SCOPES}
        key = await operator.post("/api/v1/keys", json=request, headers={"X-Company-Id": str(company_id)})
    assert key.status_code == 201, key.text
    async with world.client(key.json()["key"]) as client:
        request = {"target_url": f"{world.receiver.url}/{reference}", "event_types": ["*"]}
        subscription = await client.post("/api/v1/webhooks/subscriptions", json=request)
    assert subscription.status_code == 201, subscription.text
    return Customer(company_id, reference, key.json(), subscription.json())


async def sign_in(world: World, customer: Customer) -> dict[str, str]:
    """Fill in the portal's form with a company's key; return the browser's cookies."""
    async with world.client() as browser:
        form = {"csrf": csrf_of(await browser.get(SIGN_IN)), "key": customer.key["key"], "next": "/portal"}
        assert (await browser.post(SIGN_IN, data=form)).status_code == 303
        return dict(browser.cookies)


def csrf_of(page: httpx2.Response) -> str:
    [token] = re.findall(r'name="csrf" value="([^"]*)"', page.text)
    return unescape(token)


async def emit_in_every_way(world: World, customer: Customer) -> list[int]:
    """Emit an event in each way that the router supports, and two events in one request; return their ids."""
    batch = {"events": [world.event(5), {**world.event(6), "companyId": customer.company_id}]}
    bearer = {"Authorization": f"Bearer {customer.key['key']}"}
    by_reference = {"X-Company-Id": customer.reference}
    async with world.operator() as operator, world.client(customer.key["key"]) as own, world.client() as bare:
        answers = [
            await operator.post("/api/v1/events", json=world.event(1), headers=customer.named),
            await operator.post("/api/v1/events", json=world.event(2), headers=by_reference),
            await own.post("/api/v1/events", json=world.event(3)),
            await bare.post("/api/v1/events", json=world.event(4), headers=bearer),
            await operator.post("/api/v1/events/batch", json=batch, headers=customer.named),
        ]
    assert [answer.status_code for answer in answers] == [201] * 5, [answer.text for answer in answers]
    return [answer.json()["id"] for answer in answers[:4]] + [e["id"] for e in answers[4].json()["events"]]


async def poll_all(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """Follow the cursor, two events at a time, to the end."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get("/api/v1/events", params=query)).json()
        if not page["events"]:
            return found
        found += page["events"]
        query["cursor"] = page["next_cursor"]


async def test_events_of_both_cells_are_pushed_with_valid_signatures_and_polled_by_key(world):
    for customer in some(world.customers):
        emitted = await emit_in_every_way(world, customer)
        await world.await_pushes(customer, emitted)
        async with world.client(customer.key["key"]) as client:
            polled = {event["id"]: event for event in await poll_all(client)}
        assert [position for position in polled if position in emitted] == sorted(emitted)
        for position in some(emitted):
            push = world.pushes(customer)[position]
            verified = Webhook(customer.subscription["secret"]).verify(push.body.decode(), push.headers)
            assert verified == polled[position]
            assert verified["companyRef"] == customer.reference
        assert {event["companyId"] for event in polled.values()} == {customer.company_id}


async def test_neither_database_has_anything_of_the_others_companies(world):
    for customer in world.customers:
        await emit_in_every_way(world, customer)
        await sign_in(world, customer)
    assert {abs(company) for company in await world.companies_in(0)} == {1}
    assert {abs(company) for company in await world.companies_in(1)} == {1_000_000, 1_000_001}


async def test_ids_differ_over_all_cells_but_those_that_are_made_of_positions(world):
    for customer in world.customers:
        await world.await_pushes(customer, await emit_in_every_way(world, customer))
    one, other = world.customers
    assert one.key["id"] != other.key["id"]
    assert one.subscription["id"] != other.subscription["id"]
    for header in ("webhook-id", "trunkline-delivery-id", "trunkline-cursor"):
        ours, theirs = (
            {push.headers[header] for push in world.pushes(each).values()} for each in (one, other)
        )
        assert ours & theirs, f"{header} does not begin anew in each cell"


async def test_an_event_whose_company_stands_in_the_body_alone_is_not_routed(world):
    named = [{**world.event(1), "companyId": customer.company_id} for customer in world.customers]
    before = await world.events_stored()
    async with world.operator() as operator:
        for path, body in (
            ("events", named[1]),
            ("events/batch", {"events": named[1:]}),
            ("events/batch", {"events": named}),
        ):
            answer = json_of(await operator.post(f"/api/v1/{path}", json=body), 400)
            assert "X-Company-Id" in answer["detail"]
    assert await world.events_stored() == before


async def test_a_batch_for_companies_of_both_cells_is_refused_whole_by_the_cell_that_it_comes_to(world):
    batch = {"events": [{**world.event(1), "companyId": each.company_id} for each in world.customers]}
    before = await world.events_stored()
    async with world.operator() as operator:
        for number, customer in enumerate(world.customers):
            answer = json_of(
                await operator.post("/api/v1/events/batch", json=batch, headers=customer.named), 422
            )
            assert [error["path"] for error in answer["errors"]] == [f"/events/{1 - number}/companyId"]
    assert await world.events_stored() == before


async def test_a_key_is_known_in_its_own_cell_alone_an_operators_too(world):
    for number, customer in some(enumerate(world.customers)):
        here, there = world.cells[number], world.cells[1 - number]
        for key in (here.operator_key, customer.key["key"]):
            for cell, status in ((here, 200), (there, 401)):
                async with world.client(key, url=cell.url) as client:
                    assert (await client.get("/api/v1/me")).status_code == status


async def test_a_test_environment_is_in_the_cell_of_its_company_and_its_key_is_revoked_at_once(world):
    for customer in some(world.customers):
        request = {"company_id": customer.company_id, "name": "test", "scopes": SCOPES, "environment": "test"}
        named = customer.named | {"X-Environment": "test"}
        async with world.operator() as operator:
            made = (await operator.post("/api/v1/keys", json=request, headers=named)).json()
            async with world.client(made["key"]) as client:
                me = (await client.get("/api/v1/me")).json()
                assert (me["company_id"], me["environment"]) == (customer.company_id, "test")
                revoked = await operator.delete(f"/api/v1/keys/{made['id']}", headers=named)
                assert revoked.status_code == 204, revoked.text
                assert (await client.get("/api/v1/me")).status_code == 401


async def test_the_portal_is_that_of_the_key_that_signed_in_as_long_as_the_routers_cookie_is_there(world):
    for customer in some(world.customers):
        page = f"/portal/companies/{customer.company_id}/events"
        cookies = await sign_in(world, customer)
        elsewhere = cookies | {COOKIE: str(1 - int(cookies[COOKIE]))}
        for sent, status in ((cookies, 200), (elsewhere, 303)):
            header = {"Cookie": "; ".join(f"{name}={value}" for name, value in sent.items())}
            async with world.client() as browser:
                assert (await browser.get(page, headers=header)).status_code == status


async def test_a_sign_in_link_leads_to_its_cells_own_address_as_it_names_no_company(world):
    for cell, customer in some(zip(world.cells, world.customers, strict=True)):
        async with world.operator() as operator:
            request = {"company_id": customer.company_id}
            made = await operator.post("/api/v1/portal/links", json=request, headers=customer.named)
        address, _, link = made.json()["url"].partition("?link=")
        assert address == f"{cell.url}/portal/enter"
        async with world.client(url=cell.url) as browser:
            form = {"csrf": csrf_of(await browser.get(made.json()["url"])), "link": link}
            assert (await browser.post(address, data=form)).status_code == 303
            assert (await browser.get(f"/portal/companies/{customer.company_id}/events")).status_code == 200


async def test_an_agent_reads_the_events_of_its_company_by_a_key_as_bearer_token(world):
    for customer in some(world.customers):
        emitted = await emit_in_every_way(world, customer)
        bearer = {"Authorization": f"Bearer {customer.key['key']}"}
        async with world.client() as client:
            found = await Conversation(client, headers=bearer).call("get_recent_events", limit=1)
        [event] = found["structuredContent"]["events"]
        assert (event["id"], event["companyId"]) == (emitted[-1], customer.company_id)
