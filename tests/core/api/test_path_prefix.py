"""A hub below a path (``server.public_url``): links have the path, and the routes do not."""

import re
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.responses import Response

from trunkline.api.path_prefix import PathPrefix

SETTINGS = {"server.public_url": "https://example.com/hub/", "plugins.enabled": "portal,docs"}
LINKS = re.compile(r'\s(?:href|src|action|formaction|data-live)="([^"]*)"')


@pytest.fixture
async def hub(lend_hub):
    return await lend_hub("sqlite", SETTINGS, dispatch=False)


async def test_links_forms_cookies_and_redirects_of_pages_lead_below_it(hub):
    page = await hub.anonymous.get("/portal/sign-in")
    links = LINKS.findall(page.text)
    assert links
    assert [link for link in links if not link.startswith("/hub/portal")] == []
    assert "; Path=/hub/portal;" in page.headers["set-cookie"]
    assert int(page.headers["content-length"]) == len(page.content)
    led = await hub.anonymous.get("/portal/events")
    assert led.headers["location"] == "/hub/portal/sign-in?next=/portal/events"


async def test_the_head_of_a_page_names_the_length_that_it_has(hub):
    head, page = await hub.anonymous.head("/docs/events"), await hub.anonymous.get("/docs/events")
    assert int(head.headers["content-length"]) == int(page.headers["content-length"]) == len(page.content)


async def test_the_reference_finds_its_document_and_files_wherever_it_is_read(hub):
    page = (await hub.anonymous.get("/docs")).text
    assert "url: 'openapi.json'" in page
    assert {link.split("/")[0] for link in LINKS.findall(page)} == {"docs"}


async def test_a_call_that_names_a_place_names_it_below_it(hub):
    made = await hub.operator.post("/api/v1/companies", json={"reference": "acme"})
    gone = await hub.operator.delete(f"/api/v1/companies/{made.json()['id']}")
    assert gone.headers["location"] == f"/hub/api/v1/erasures/{gone.json()['id']}"


async def test_a_company_is_looked_at_by_the_page_that_links_there(hub):
    seen = []

    async def note(scope, receive, send):
        seen.append(dict(scope["headers"])[b"referer"].decode())
        await Response()(scope, receive, send)

    transport = httpx2.ASGITransport(PathPrefix(note, prefix="/hub"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://example.com") as http:
        for path in ("/hub/portal/companies/92?q=1", "/hub", "/hubris", "/portal/hub/x"):
            await http.get("/", headers={"Referer": f"https://example.com{path}"})
    assert [urlsplit(url).path for url in seen] == ["/portal/companies/92", "", "/hubris", "/portal/hub/x"]
