"""Signing in, and the pages that each person sees: each kind of key, links, themes, companies, and signing out."""

import re

import httpx2
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        (
            ["events:read"],
            ["Overview", "Events", "Consumers", "Event catalogue", "Connectors", "Limits", "Connected apps"],
        ),
        (["webhooks:write"], ["Subscriptions", "Targets", "Limits", "Connected apps"]),
        (["integrations:read"], ["Event catalogue", "Connectors", "Agents", "Connected apps"]),
        (["admin"], ["API keys", "Changes", "Limits", "Alerts", "Connected apps"]),
        (
            [
                "events:read",
                "events:write",
                "webhooks:write",
                "integrations:read",
                "integrations:write",
                "admin",
            ],
            [
                "Overview",
                "Events",
                "Subscriptions",
                "Targets",
                "Consumers",
                "Quarantine",
                "API keys",
                "Changes",
                "Event catalogue",
                "Connectors",
                "Limits",
                "Alerts",
                "Agents",
                "Connected apps",
            ],
        ),
    ],
    ids=["reads events", "writes webhooks", "integrates", "administers", "everything"],
)
def test_the_scopes_of_a_key_decide_what_is_shown(served_hub, somebody, scopes, seen):
    person = somebody(served_hub, key=served_hub.make_key(*scopes))

    assert [entry for entry in person.navigation() if entry != "API reference"] == seen
    expect(person.page.get_by_role("heading", level=1)).to_have_count(1)


def test_a_key_that_is_none_of_ours_is_refused_beside_its_field(served_hub, somebody):
    person = somebody(served_hub)
    person.watch.expect("422")
    person.go("/portal/sign-in")

    person.page.get_by_label("API key", exact=True).fill("wlcro_live_92_" + "x" * 43)
    person.click("Sign in")

    person.sees("No key like this is valid")
    field = person.page.get_by_label("API key", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()


def test_whoever_asked_for_a_page_comes_to_it_after_signing_in(served_hub, somebody):
    person = somebody(served_hub)
    person.go("/portal/sign-out-everywhere")

    person.page.get_by_label("API key", exact=True).fill(served_hub.key)
    person.click("Sign in")

    expect(person.page.get_by_role("heading", level=1)).to_have_text("Sign out everywhere?")


def test_an_operator_chooses_a_company_and_sees_the_hub(served_hub, somebody, operator_key):
    served_hub.make_key("events:read", company_id=7)
    person = somebody(served_hub, key=operator_key)
    expect(person.page.get_by_role("heading", level=1)).to_have_text("All companies")

    person.click("Choose a company")
    person.page.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Company 92\b")).click()
    person.sees("This is company 92.")
    assert "Plugins and health" in person.navigation()

    person.click("Company 92", within=person.page.locator("header.topbar"))
    person.page.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Company 7\b")).click()
    person.sees("This is company 7.")
    person.click("Plugins and health")
    person.sees("Readiness")


def test_a_link_lets_a_customer_in_once(served_hub, somebody, operator_key):
    answer = httpx2.post(
        f"{served_hub.url}/api/v1/portal/links",
        headers={"X-Api-Key": operator_key},
        json={"company_id": 92, "name": "jane.doe@example.com", "scopes": ["events:read"]},
    )
    url = answer.json()["url"]

    person = somebody(served_hub)
    person.page.goto(url)
    expect(person.page.locator("header.topbar")).to_contain_text("Company 92")
    assert "Subscriptions" not in person.navigation()

    second = somebody(served_hub)
    second.watch.expect("410")
    second.page.goto(url)
    second.sees("This link no longer works")


def test_signing_out_everywhere_ends_the_sessions_of_other_browsers(served_hub, somebody):
    key = served_hub.make_key("events:read")
    first, second = somebody(served_hub, key=key), somebody(served_hub, key=key)

    first.page.locator(".account-button").click()
    first.click("Sign out everywhere…")
    first.confirm("Sign out everywhere")
    expect(first.page.get_by_role("heading", level=1)).to_have_text("Sign in")

    second.go("/portal")
    expect(second.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_theme_that_was_chosen_stays(served_hub, somebody):
    person = somebody(served_hub, key=served_hub.key, color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = person.page.evaluate(paper)

    person.page.locator(".account-button").click()
    with person.page.expect_response(lambda answer: answer.url.endswith("/portal/theme")):
        person.click("Dark")
    assert person.page.evaluate(paper) != light
    person.go("/portal")
    assert person.page.evaluate(paper) != light


def test_everything_of_it_works_without_scripts(served_hub, somebody, operator_key):
    person = somebody(served_hub, key=operator_key, java_script_enabled=False)

    person.click("Choose a company")
    person.click(re.compile("Company 92"))
    person.sees("This is company 92.")
    person.go("/portal/sign-out-everywhere")
    person.click("Sign out everywhere", within=person.page.locator("main"))
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_the_menu_of_a_phone_opens_and_leads_on(served_hub, somebody):
    person = somebody(served_hub, key=served_hub.key, width=390, height=844)
    menu = person.page.locator("#navigation")
    expect(menu).not_to_be_visible()

    person.click("Menu")
    expect(menu).to_be_visible()
    person.click("Overview", within=menu)
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Overview")
