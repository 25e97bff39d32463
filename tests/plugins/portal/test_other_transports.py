"""Subscriptions in the portal whose targets are not web addresses."""

from tests.plugins.portal.worlds import shown_when

from trunkline_kit import Source

PIGEON = '''
"""Messages by pigeon."""

from trunkline import Channel, Outcome, Result, hookimpl


async def deliver(push, http):
    return Result(Outcome.DELIVERED)


@hookimpl
def register_channels():
    return [Channel("pigeon", "Pigeon", "By bird.", deliver, schemes=("pigeon",))]
'''
LIST = "/portal/subscriptions"


async def test_a_subscription_is_listed_and_deleted_under_its_whole_target_and_needs_no_answer(
    trunkline_hub, sign_in
):
    hub = await trunkline_hub(plugins=[Source("pigeon", PIGEON), "webhooks", "portal", "crm"])
    request = {"target_url": "pigeon:jane", "event_types": ["*"]}
    subscription = await hub.hub.subscriptions.create(92, request, channel="pigeon")
    kind = hub.hub.catalog.types()[0]
    await hub.emit(kind.name, dict(kind.example))
    browser = await sign_in(hub, ["webhooks:write"], company_id=92)
    page = f"{LIST}/{subscription['id']}"
    words = await shown_when(browser, page, "delivered 1 accepted")
    assert "no answer" not in words
    assert "pigeon:jane" in words
    assert "pigeon:jane" in browser.words(await browser.get(LIST))
    deleted = await browser.follow(await browser.post(f"{page}/delete"))
    assert "The subscription to pigeon:jane was deleted." in browser.words(deleted)
