"""The company that an operator looks at; a company's own people have no choice."""

import re

from tests.some import some


async def test_an_operator_switches_company_and_stays_on_the_page(running, operator):
    await running.hub.keys.create(running.neighbour_id, name="another", scopes=["events:read"])
    page = await operator.get("/portal/company?next=/portal/sign-out-everywhere")
    assert f"Company {running.neighbour_id}" in operator.words(page)

    answer = await operator.post(
        "/portal/company", {"company_id": str(running.neighbour_id), "next": "/portal?span=7d"}
    )

    assert answer.headers["location"] == f"/portal/companies/{running.neighbour_id}?span=7d"
    page = await operator.follow(answer)
    assert f"This is company {running.neighbour_id}." in operator.words(page)
    assert f"<strong>{running.neighbour_id}</strong>" in page.text
    assert "This is company" not in operator.words(await operator.get("/portal"))


async def test_companies_are_found_by_the_first_digits_of_their_number(running, operator):
    for company_id in (4, 41, 412, 5):
        await running.hub.keys.create(company_id, name="x", scopes=["events:read"])
    words = operator.words(await operator.get("/portal/company", q="41"))
    assert {"41", "412"} == set(re.findall(r"Company (\d+)", words)) & {"4", "41", "412", "5"}
    none = await operator.get("/portal/company", q="77")
    assert "No company with a number that begins with 77" in operator.words(none)
    for other_digits in ("²", "٩٢"):
        assert "none has that reference" in operator.words(
            await operator.get("/portal/company", q=other_digits)
        )


async def test_what_is_no_companys_number_is_refused_beside_the_field(api, operator):
    for number in ("", "0", "-1", "abc", "1.5", "9" * 20, "٩٢", "<b>"):
        answer = await operator.post("/portal/company", {"company_id": number}, expect=422)
        assert "made of digits only" in operator.words(answer)
        assert "<b>" not in answer.text
    assert f"<strong>{api.company_id}</strong>" in (await operator.get("/portal")).text


async def test_a_companys_key_cannot_look_at_another_company(running, browser):
    await browser.get("/portal/company", expect=403)
    await browser.post("/portal/company", {"company_id": str(running.neighbour_id)}, expect=403)
    page = await browser.get("/portal")
    assert f"<strong>{running.company_id}</strong>" in page.text
    assert "/portal/company" not in page.text


async def test_each_session_of_an_operator_looks_at_its_own_company(api, sign_in):
    first, second = await sign_in(api, company_id=None), await sign_in(api, company_id=None)
    await second.post("/portal/company", {"company_id": str(api.neighbour_id)})
    assert f"<strong>{api.company_id}</strong>" in (await first.get("/portal")).text
    assert f"<strong>{api.neighbour_id}</strong>" in (await second.get("/portal")).text


async def test_a_theme_is_remembered_by_the_browser(browser):
    attributes = {"dark": 'data-theme="dark"', "light": 'data-theme="light"', "system": '<html lang="en">'}
    for theme, attribute in some(attributes.items()):
        await browser.post("/portal/theme", {"theme": theme, "next": "/portal"})
        assert attribute in (await browser.get("/portal")).text
