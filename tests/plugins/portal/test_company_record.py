"""The record of a company: made, changed, found by its reference in addresses, and deleted after a confirmation."""

import itertools

NUMBERS = itertools.count(1)


async def make(running, **values) -> dict:
    reference = f"globex-{next(NUMBERS)}"
    answer = await running.operator.post("/api/v1/companies", json={"reference": reference, **values})
    return answer.json()


async def test_an_operator_makes_a_company_and_looks_at_it(running, sign_in):
    browser = await sign_in(running, company_id=None)
    await browser.get("/portal/company/new")
    entered = {
        "reference": f"acme-{next(NUMBERS)}",
        "name": "Acme",
        "alert_recipients": "a@b.example, c@d.example",
    }
    answer = await browser.post("/portal/company/new", {**entered, "metadata": '{"plan": 1}'})
    page = await browser.follow(answer)
    assert "was created. This is its page." in browser.words(page)
    found = (await running.operator.get(f"/api/v1/companies/{entered['reference']}")).json()
    assert answer.headers["location"] == f"/portal/companies/{found['id']}/record"
    assert (found["name"], found["metadata"]) == ("Acme", {"plan": 1})
    assert found["alert_recipients"] == ["a@b.example", "c@d.example"]
    assert entered["reference"] in browser.words(await browser.get("/portal/company", q=entered["reference"]))


async def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(running, sign_in):
    browser = await sign_in(running, company_id=None)
    made = await make(running)
    typed = {
        "reference": made["reference"],
        "name": "x" * 201,
        "time_zone": "Mars",
        "alert_recipients": "no-one",
    }
    page = await browser.post("/portal/company/new", typed, expect=422)
    words = browser.words(page)
    assert "no time zone" in words
    assert "no e-mail address" in words
    assert 'value="Mars"' in page.text
    taken = await browser.post("/portal/company/new", {"reference": made["reference"]}, expect=422)
    assert f"that of company {made['id']}" in browser.words(taken)
    broken = await browser.post("/portal/company/new", {"metadata": "[1]"}, expect=422)
    assert "must be a JSON object" in browser.words(broken)


async def test_a_record_is_changed_and_what_is_emptied_is_taken_back(running, sign_in):
    browser = await sign_in(running, company_id=None)
    made = await make(running, name="Globex", time_zone="Europe/Berlin")
    record = f"/portal/companies/{made['id']}/record"
    assert 'value="Europe/Berlin"' in (await browser.get(record)).text
    answer = await browser.post(record, {"reference": made["reference"], "name": "Initech"})
    assert "Saved." in browser.words(await browser.follow(answer))
    view = (await running.operator.get(f"/api/v1/companies/{made['id']}")).json()
    assert (view["name"], view["time_zone"], view["reference"]) == ("Initech", None, made["reference"])


async def test_an_address_with_a_reference_leads_to_the_same_page_by_number(running, sign_in):
    made, other = await make(running), await make(running)
    browser = await sign_in(running, company_id=None)
    page = await browser.get(f"/portal/companies/{made['reference']}/events?q=x")
    assert str(page.url).endswith(f"/portal/companies/{made['id']}/events?q=x")
    await browser.get("/portal/companies/no-such/events", expect=404)
    customer = await sign_in(running, company_id=made["id"])
    own = await customer.get(f"/portal/companies/{made['reference']}")
    assert own.url.path == f"/portal/companies/{made['id']}"
    theirs = await customer.get(f"/portal/companies/{other['reference']}", expect=404)
    unknown = await customer.get("/portal/companies/no-such", expect=404)
    assert browser.words(theirs).replace(other["reference"], "no-such") == browser.words(unknown)


async def test_a_company_is_deleted_after_a_question_and_the_receipt_is_shown(running, sign_in):
    browser = await sign_in(running, company_id=None)
    made = await make(running, name="Globex")
    record = f"/portal/companies/{made['id']}/record"
    assert "Nothing brings them back" in browser.words(await browser.get(f"{record}/delete"))
    answer = await browser.post(f"{record}/delete", {})
    page = await browser.follow(answer)
    assert "is being removed" in browser.words(page)
    assert "Receipt era_" in browser.words(page)
    assert (await running.operator.get(f"/api/v1/companies/{made['id']}")).status_code == 404
    await browser.get(record, expect=404)


async def test_records_are_for_operators_alone(running, sign_in):
    made = await make(running)
    browser = await sign_in(running, company_id=made["id"])
    record = f"/portal/companies/{made['id']}/record"
    for path in (record, f"{record}/delete", "/portal/company/new"):
        await browser.get(path, expect=403)
    await browser.post(f"{record}/delete", {}, expect=403)
    assert (await running.operator.get(f"/api/v1/companies/{made['id']}")).status_code == 200
