"""The record of a company: made, changed, found by its reference in addresses, and deleted after a confirmation."""

import itertools

NUMBERS = itertools.count(1)


async def make(running, **values) -> dict:
    reference = f"globex-{next(NUMBERS)}"
    answer = await running.operator.post("/api/v1/companies", json={"reference": reference, **values})
    return answer.json()


async def test_an_operator_makes_a_company_and_looks_at_it(running, operator):
    entered = {"reference": f"acme-{next(NUMBERS)}", "name": "Acme"}
    more = {"alert_recipients": "a@b.example, c@d.example", "metadata": '{"plan": 1}'}
    answer = await operator.post("/portal/company/new", entered | more)
    page = await operator.follow(answer)
    assert "was created. This is its page." in operator.words(page)
    found = (await running.operator.get(f"/api/v1/companies/{entered['reference']}")).json()
    assert answer.headers["location"] == f"/portal/companies/{found['id']}/record"
    stored = {"metadata": {"plan": 1}, "alert_recipients": ["a@b.example", "c@d.example"]}
    assert found.items() >= (entered | stored).items()
    assert entered["reference"] in operator.words(
        await operator.get("/portal/company", q=entered["reference"])
    )


async def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(running, operator):
    made = await make(running)
    for typed, said in (
        ({"name": "Kept", "time_zone": "Mars"}, "no time zone"),
        ({"name": "Kept", "alert_recipients": "no-one"}, "no e-mail address"),
        ({"name": "Kept", "reference": made["reference"]}, f"that of company {made['id']}"),
        ({"name": "Kept", "metadata": "[1]"}, "Must be a JSON object"),
    ):
        page = await operator.post("/portal/company/new", typed, expect=422)
        assert said in operator.words(page)
        assert 'value="Kept"' in page.text
        assert 'aria-invalid="true"' in page.text


async def test_a_record_is_changed_and_what_is_emptied_is_taken_back(running, operator):
    made = await make(running, name="Globex", time_zone="Europe/Berlin")
    record = f"/portal/companies/{made['id']}/record"
    assert 'value="Europe/Berlin"' in (await operator.get(record)).text
    answer = await operator.post(record, {"reference": made["reference"], "name": "Initech"})
    assert "Saved." in operator.words(await operator.follow(answer))
    view = (await running.operator.get(f"/api/v1/companies/{made['id']}")).json()
    assert (view["name"], view["time_zone"], view["reference"]) == ("Initech", None, made["reference"])


async def test_an_address_with_a_reference_leads_to_the_same_page_by_number(running, sign_in, operator):
    made, other = await make(running), await make(running)
    page = await operator.get(f"/portal/companies/{made['reference']}/events?q=x")
    assert str(page.url).endswith(f"/portal/companies/{made['id']}/events?q=x")
    await operator.get("/portal/companies/no-such/events", expect=404)
    customer = await sign_in(running, company_id=made["id"])
    own = await customer.get(f"/portal/companies/{made['reference']}")
    assert own.url.path == f"/portal/companies/{made['id']}"
    theirs = await customer.get(f"/portal/companies/{other['reference']}", expect=404)
    unknown = await customer.get("/portal/companies/no-such", expect=404)
    assert operator.words(theirs).replace(other["reference"], "no-such") == operator.words(unknown)


async def test_a_company_is_deleted_after_a_question_and_the_receipt_is_shown(running, operator):
    made = await make(running, name="Globex")
    record = f"/portal/companies/{made['id']}/record"
    assert "Nothing brings them back" in operator.words(await operator.get(f"{record}/delete"))
    answer = await operator.post(f"{record}/delete", {})
    page = await operator.follow(answer)
    assert "is being removed" in operator.words(page)
    assert "Receipt era_" in operator.words(page)
    assert (await running.operator.get(f"/api/v1/companies/{made['id']}")).status_code == 404
    await operator.get(record, expect=404)


async def test_records_are_for_operators_alone(running, sign_in):
    made = await make(running)
    browser = await sign_in(running, company_id=made["id"])
    record = f"/portal/companies/{made['id']}/record"
    for path in (record, f"{record}/delete", "/portal/company/new"):
        await browser.get(path, expect=403)
    await browser.post(f"{record}/delete", {}, expect=403)
    assert (await running.operator.get(f"/api/v1/companies/{made['id']}")).status_code == 200
