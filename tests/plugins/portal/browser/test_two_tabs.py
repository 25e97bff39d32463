"""An operator with two tabs of one browser: each tab keeps the company that it shows."""

import re

import pytest
from playwright.sync_api import expect
from tests.plugins.portal.browser.person import Person

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
OTHER = 17


def choose(person: Person, company_id: int) -> None:
    person.page.locator("a.switcher").click()
    person.page.locator(f"dialog button[name=company_id][value='{company_id}']").click()
    expect(person.page.locator(".switcher strong")).to_have_text(str(company_id))


def emit(hub, key: str) -> int:
    example = hub.call("GET", "/api/v1/event-types/lead.created")["example"]
    body = {"type": "lead.created", "payload": example}
    answer = hub.call("POST", "/api/v1/events", json=body, headers={"X-Api-Key": key})
    return int(answer["id"])


def test_a_tab_stays_with_its_company_while_another_looks_at_the_next(served_hub, operator_key, somebody):
    other_key = served_hub.make_key("events:write", "events:read", company_id=OTHER)
    first_event = emit(served_hub, served_hub.key)
    first = somebody(served_hub)
    first.sign_in(operator_key)
    first.go("/portal/company")
    first.page.locator("button[name=company_id][value='92']").click()
    expect(first.page.locator(".switcher strong")).to_have_text("92")
    first.click("API keys")
    first.click("New key")
    first.page.get_by_label("Name", exact=True).fill("made in tab A")
    first.page.get_by_label("events:read", exact=True).check()
    watching = Person(first.page.context.new_page(), served_hub, first.watch)
    watching.go("/portal/events")
    expect(watching.page.locator(f"[data-event='{first_event}']")).to_be_visible()

    second = Person(first.page.context.new_page(), served_hub, first.watch)
    second.go("/portal/events")
    choose(second, OTHER)
    theirs = emit(served_hub, other_key)
    expect(second.page.locator(f"[data-event='{theirs}']")).to_be_visible()
    mine = emit(served_hub, served_hub.key)

    watching.page.bring_to_front()
    expect(watching.page.locator(f"[data-event='{mine}']")).to_be_visible()
    expect(watching.page.locator(f"[data-event='{theirs}']")).to_have_count(0)
    expect(watching.page.locator(".switcher strong")).to_have_text("92")

    first.page.bring_to_front()
    first.click("Make the key")
    first.sees("Copy the key now")
    expect(first.page.locator(".switcher strong")).to_have_text("92")
    expect(first.page.locator("main")).to_contain_text(re.compile(r"_live_92_"))
    first.click("I have copied it")
    first.sees("made in tab A")
    second.page.bring_to_front()
    second.click("API keys")
    second.sees_not("made in tab A")
