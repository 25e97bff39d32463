"""The portal's warnings about a target: an unresolvable name, headers that are not kept, overlapping secrets."""

import pytest
from tests.name_servers import name_server
from tests.plugins.portal.worlds import subscribe

LIST = "/portal/subscriptions"
NEW = f"{LIST}/new"
TYPED = {"target_url": "https://example.com/hooks", "types": "all"}


@pytest.fixture
async def browser(running, sign_in):
    return await sign_in(running, ["webhooks:write"])


async def headers_of(running, subscription_id: str) -> dict[str, str]:
    found = await running.hub.subscriptions.find(running.company_id, subscription_id, channel="webhooks")
    return dict(found.headers)


async def test_a_warning_stands_on_the_page_that_follows_the_form(sqlite_database_url, make_hub, sign_in):
    async with name_server({"unknown.test": [], "private.test": ["10.0.0.7"]}) as server:
        strict = {"delivery.allow_private_networks": "false", "delivery.name_servers": server.address}
        hub = await make_hub(sqlite_database_url, strict, dispatch=False)
        browser = await sign_in(hub, ["webhooks:write"])
        refused = await browser.post(NEW, {**TYPED, "target_url": "https://private.test/"}, expect=422)
        assert "The address leads to 'private.test', which resolves to" in browser.words(refused)

        answer = await browser.post(NEW, {**TYPED, "target_url": "https://unknown.test/"})
        page = await browser.follow(answer)
        assert "The name 'unknown.test' could not be resolved now" in browser.words(page)
        assert "whsec_" in page.text

        path = f"{LIST}/{answer.headers['location'].split('/')[5]}/edit"
        changed = await browser.post(path, {**TYPED, "target_url": "https://unknown.test/other"})
        words = browser.words(await browser.follow(changed))
        assert "The subscription was changed." in words
        assert "The name 'unknown.test' could not be resolved now" in words


async def test_headers_are_entered_again_for_an_address_of_another_server(running, browser):
    subscription = await subscribe(
        running, TYPED["target_url"], headers={"Authorization": "Bearer very-secret"}
    )
    path = f"{LIST}/{subscription}/edit"
    moved = {**TYPED, "target_url": "https://other.example.org/hooks"}
    refused = browser.words(await browser.post(path, moved, expect=422))
    assert "another server, which does not get the headers of the one before" in refused
    assert await headers_of(running, subscription) == {"Authorization": "Bearer very-secret"}

    await browser.post(path, {**TYPED, "target_url": "https://example.com/elsewhere"})
    assert await headers_of(running, subscription) == {"Authorization": "Bearer very-secret"}
    replaced = {**moved, "replaces_headers": "on"}
    await browser.post(path, {**replaced, "header_name": "X-Team", "header_value": "7"})
    assert await headers_of(running, subscription) == {"X-Team": "7"}
    await browser.post(path, {**replaced, "target_url": "https://third.example.org/"})
    assert await headers_of(running, subscription) == {}


async def test_a_rotation_too_many_says_how_to_go_on(running, browser):
    subscription = await subscribe(running, TYPED["target_url"])
    path = f"{LIST}/{subscription}/rotate"
    for _ in range(4):
        await browser.post(path, {"hours": "24"})
    refused = browser.words(await browser.post(path, {"hours": "24"}, expect=409))
    assert "5 secrets of this subscription sign already" in refused
    assert "with an overlap of 0" in refused
    await browser.post(path, {"hours": "0"})
