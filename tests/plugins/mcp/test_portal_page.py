"""The page of the portal about agents, and the connector's card and files."""

import asyncio
import json

import pytest
from tests.plugins.mcp.conversation import Conversation

from trunkline.contract import PortalRequest
from trunkline.routes import Principal
from trunkline_mcp import call_store

MARKUP = "<b>x</b>"


@pytest.fixture
def page(api):
    return next(page for plugin, page in api.hub.registry.collected.pages if plugin == "mcp")


def looked_at(api, *scopes: str, company_id: int | None = None, **query: str) -> PortalRequest:
    company = company_id or api.company_id
    return PortalRequest(company, Principal("key_9", company, "Jane's", frozenset(scopes)), query)


async def fill(api, number: int, **changed) -> None:
    call = {"key_id": "key_1", "key_name": MARKUP, "tool": "create_lead", "outcome": "done"} | changed
    rows = [
        call_store.CalledTool(api.company_id, **call, duration_us=1500, called_ms=1_795_719_600_000 + n)
        for n in range(number)
    ]
    async with api.hub.engines.write() as connection:
        await call_store.add(connection, rows)


async def test_the_page_says_how_to_connect(api, page):
    html = await page.render(looked_at(api, "integrations:read"))
    assert "/mcp" in html
    assert "Authorization: Bearer" in html
    assert "by OAuth" in html
    assert "keys with the scope admin" in html


async def test_the_page_lists_what_agents_did_and_goes_on_with_older_calls(api, page):
    await fill(api, 60)
    await fill(api, 1, outcome="forbidden", tool="update_lead")
    html = await page.render(looked_at(api, "admin"))
    assert html.count("<tr>") == 51
    assert "not allowed" in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert MARKUP not in html
    older = html.partition('href="?before=')[2].partition('"')[0]
    rest = await page.render(looked_at(api, "admin", before=older))
    assert rest.count("<tr>") == 12
    assert "Older" not in rest


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "٣", ""])
async def test_an_odd_address_shows_the_newest_calls(api, page, before):
    await fill(api, 1)
    assert (await page.render(looked_at(api, "admin", before=before))).count("<tr>") == 2


async def test_another_companys_calls_are_not_there(api, page):
    await fill(api, 1)
    html = await page.render(looked_at(api, "admin", company_id=api.neighbour_id))
    assert "No agent has called a tool yet" in html


async def test_a_call_is_on_the_page_within_seconds(api, page):
    await Conversation(api.client).call("find_lead", email="nobody@example.com")
    async with asyncio.timeout(60):
        while "<code>find_lead</code>" not in await page.render(looked_at(api, "admin")):
            await asyncio.sleep(0.1)


def test_the_connectors_files_have_the_address_and_every_tool(api):
    files = api.hub.deployment.connector_files("mcp")
    server = json.loads(files["mcp.json"])["mcpServers"]["wlcro"]
    assert server["url"].endswith("/mcp")
    readme = files["README.md"].decode()
    for name in ("create_lead", "find_lead", "list_employees", "payment.failed"):
        assert f"- `{name}`: " in readme
