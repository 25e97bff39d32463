"""The pages that each person sees, themes, and signing in and out without scripts and on a phone."""

import re

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
    ],
    ids=["reads events", "writes webhooks", "integrates", "administers"],
)
def test_the_scopes_of_a_key_decide_what_is_shown(served_hub, somebody, scopes, seen):
    person = somebody(served_hub, key=served_hub.make_key(*scopes))

    assert [entry for entry in person.navigation() if entry != "API reference"] == seen
    expect(person.page.get_by_role("heading", level=1)).to_have_count(1)


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
