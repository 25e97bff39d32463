"""A sign-in link that an operator makes for a customer: it has the chosen scopes."""

from html import unescape


async def test_the_scopes_of_a_customers_link_are_chosen_when_it_is_made(api, operator, open_browser):
    form = await operator.get("/portal/links?preset=read")
    assert form.text.count(" checked") == form.text.count(':read" checked')
    fields = {"name": "jane.doe@example.com", "minutes": "10", "scopes": ["events:read"]}
    made = await operator.post("/portal/links", fields, expect=200)
    url = unescape(made.text.partition("/portal/enter?link=")[2].partition("<")[0])
    customer = open_browser(api)
    await customer.get(f"/portal/enter?link={url}")
    await customer.post("/portal/enter", {"link": url})
    await customer.get("/portal/events")
    await customer.get("/portal/subscriptions", expect=403)


async def test_what_cannot_be_is_refused_at_its_field_and_only_operators_make_links(operator, browser):
    await operator.get("/portal/links")
    refused = await operator.post("/portal/links", {"minutes": "5000"}, expect=422)
    words = operator.words(refused)
    assert "Choose at least one scope" in words
    assert "from 1 to 1440" in words
    await browser.get("/portal/links", expect=403)
