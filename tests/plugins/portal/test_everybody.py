"""An operator's home page: the failures of all companies, with their companies and times."""

from datetime import UTC, datetime

from tests.plugins.portal.worlds import HOOKS, emit, shown_when, subscribe

from trunkline_kit.receiver import Answer


async def test_what_fails_is_shown_over_all_companies_with_its_company_and_its_last_answer(
    engine, lend_hub, sign_in, receiver
):
    hub = await lend_hub(engine, {"delivery.retry_schedule_seconds": "[]", "delivery.failing_failures": "1"})
    await hub.hub.companies.change(hub.neighbour_id, {"name": "Acme"})
    receiver.always(Answer(418, body=b"The kettle is cold.\nTrace 7"))
    failing = await subscribe(hub, receiver.url, description="Books of Jane")
    theirs = await hub.client_of(hub.neighbour_id)
    body = {"target_url": f"{receiver.url}/gone", "event_types": ["*"], "description": "Shop"}
    gone = (await theirs.post(HOOKS, json=body)).json()["id"]
    await emit(hub)
    operator = await sign_in(hub, company_id=None)
    words = await shown_when(operator, "/portal/companies", "Books of Jane")
    today = datetime.now(UTC).strftime("%b %Y")
    assert "418 The kettle is cold. 1 the first" in words
    assert "Trace 7" not in words
    assert "status=exhausted" in (await operator.get("/portal/companies")).text
    assert today in words
    newer = await subscribe(hub, receiver.url, event_types=["payment.failed"])
    listed = await (await sign_in(hub)).get("/portal/subscriptions")
    assert listed.text.index(failing) < listed.text.index(newer)

    receiver.always(Answer(410))
    await emit(hub, client=theirs)
    words = await shown_when(operator, "/portal/companies?state=disabled", "Shop")
    assert f"Acme ({hub.neighbour_id})" in words
    assert "Books of Jane" not in words
    page = await operator.get("/portal/companies?span=yesterday&tz=Europe/Berlin")
    assert f'href="/portal/companies/{hub.company_id}/subscriptions/{failing}"' in page.text
    assert f'href="/portal/companies/{hub.neighbour_id}/subscriptions/{gone}"' in page.text


async def test_the_page_is_for_operators_and_their_first(running, sign_in, browser, open_browser):
    await browser.get("/portal/companies", expect=403)
    assert "All companies" not in (await browser.get("/portal")).text
    operator = open_browser(running)
    _, key = await running.hub.keys.create(None, name="on call", scopes=["operator"])
    await operator.sign_in(key)
    first = await operator.get("/portal", expect=303)
    assert first.headers["location"] == "/portal/companies"
    page = await operator.follow(first)
    assert "Failing 0 Disabled 0 Companies affected 0" in operator.words(page)
    assert "Nothing fails" in operator.words(page)
    assert page.text.count("Choose a company") == 1
    fields = {"company_id": str(running.company_id), "next": "/portal/companies"}
    chosen = await operator.post("/portal/company", fields)
    assert chosen.headers["location"] == f"/portal/companies/{running.company_id}"
