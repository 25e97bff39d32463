"""``/llms.txt``: each of its links leads to a public page."""

import re

import pytest


@pytest.mark.own_hub(settings={"server.public_url": "https://events.example.com/hub"})
async def test_the_links_begin_at_the_public_address_and_lead_somewhere(api):
    answer = await api.anonymous.get("/llms.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("# WhiteLabelCRO\n\n> ")
    links = re.findall(r"\]\(https://events\.example\.com/hub(/[^)]+)\)", answer.text)
    statuses = {link: (await api.anonymous.get(link)).status_code for link in links}
    assert statuses == {
        "/mcp": 401,  # needs a key
        "/.well-known/oauth-protected-resource/mcp": 200,
        "/openapi.json": 200,
        "/asyncapi.json": 200,
        "/docs/events/llms.txt": 200,
    }
    assert answer.text.count("](") == len(links)


async def test_without_the_plugin_docs_its_pages_are_not_named(trunkline_hub):
    hub = await trunkline_hub(plugins=["mcp"], dispatch=False)
    assert "/docs/events" not in (await hub.anonymous.get("/llms.txt")).text
