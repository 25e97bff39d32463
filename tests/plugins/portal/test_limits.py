"""The page of a company's limits and their usage."""

from tests.plugins.portal.worlds import subscribe


async def test_each_limit_is_shown_with_its_use(running, reader, receiver):
    await subscribe(running, receiver.url)
    await running.hub.companies.change(running.company_id, {"limits": {"subscriptions": 1, "keys": 50}})
    words = reader.words(await reader.get("/portal/limits"))
    assert "Subscriptions subscriptions 1 1 reached" in words
    assert "API keys that are valid keys 2 50 free" in words
    assert "Events a second events_per_second not counted" in words
    assert "Ask the operator of this service" in words
