"""The recipients of a company's alerts: by the API and in the portal, with previews, test messages and limits."""

import re
from html import unescape

import pytest
from tests.plugins.portal.conftest import open_browser, sign_in

from trunkline.schemas.files import operational_event_types
from trunkline_alerts.choices import TESTS_PER_MINUTE

__all__ = ["open_browser", "sign_in"]

ALERTS = "/api/v1/alerts"
OWNER, SECOND = "owner@acme.example", "second@acme.example"
PAGE = "/portal/x/alerts/alerts"


async def test_a_company_sets_previews_and_tests_its_alerts_over_the_api(make_hub, database_url, mail_server):
    hub = await make_hub(database_url, {**mail_server.settings, "limits.enabled": "true"})
    nobody = await hub.client.post(f"{ALERTS}/test")
    assert (nobody.status_code, "no alert recipients" in nobody.json()["detail"]) == (409, True)
    chosen = {"alert_recipients": [OWNER, SECOND], "digest": True}
    changed = await hub.client.patch(ALERTS, json=chosen)
    assert changed.json() == {**chosen, "has_mail_server": True}
    assert (await hub.client.patch(ALERTS, json={})).json() == changed.json()
    company = (await hub.operator.get("/api/v1/companies/92")).json()
    assert company["alert_recipients"] == [OWNER, SECOND]
    entries = (await hub.client.get("/api/v1/audit", params={"action": "alerts.changed"})).json()["entries"]
    assert [(entry["before"], entry["after"]) for entry in entries] == [({"daily": False}, {"daily": True})]

    previews = (await hub.client.get(f"{ALERTS}/preview")).json()
    assert previews["count"] == len(operational_event_types())
    [failing] = [each for each in previews["alerts"] if each["event_type"] == "subscription.failing"]
    assert failing["subject"].endswith("fail (company 92)")
    assert "What to do: Fix the target." in failing["body"]

    mail_server.refusals = {SECOND: ["550 unknown"]}
    tested = [await hub.client.post(f"{ALERTS}/test") for _ in range(TESTS_PER_MINUTE + 1)]
    assert [answer.status_code for answer in tested] == [200] * TESTS_PER_MINUTE + [429]
    answer = "recipients: 2; 550 unknown"
    assert tested[0].json() == {"outcome": "delivered", "error": None, "answer": answer}
    assert [len(mail_server.to(address)) for address in (OWNER, SECOND)] == [2, 1]
    assert mail_server.messages[0]["Subject"] == "Test of alerts (company 92)"


@pytest.mark.parametrize(
    "case",
    [
        ("PATCH", ALERTS, {"alert_recipients": ["no address"]}, 422, "is no e-mail address: 'no address'"),
        ("PATCH", ALERTS, {"alert_recipients": ["a@b.example"] * 21}, 422, "alert_recipients"),
        ("PATCH", ALERTS, {"digest": True}, 409, "alerts.smtp_host"),
        ("POST", f"{ALERTS}/test", None, 409, "alerts.smtp_host"),
    ],
)
async def test_a_choice_that_cannot_work_is_refused(running, case):
    method, path, body, status, words = case
    refused = await running.client.request(method, path, json=body)
    assert (refused.status_code, words in refused.text) == (status, True), refused.text


async def test_operators_choose_in_the_settings_and_a_weak_key_not_at_all(running):
    of_operators = {"X-Company-Id": "0"}
    shown = await running.operator.get(ALERTS, headers=of_operators)
    assert shown.json() == {"alert_recipients": [], "digest": False, "has_mail_server": False}
    refused = await running.operator.patch(ALERTS, json={"digest": False}, headers=of_operators)
    assert (refused.status_code, "alerts.operators" in refused.text) == (409, True)
    weak = await running.client_of(running.company_id, ["webhooks:write"])
    assert {(await weak.get(path)).status_code for path in (ALERTS, f"{ALERTS}/preview")} == {403}


async def test_a_company_sets_previews_and_tests_its_alerts_in_the_portal(
    make_hub, sqlite_database_url, mail_server, sign_in
):
    settings = {**mail_server.settings, "server.public_url": "http://hub.example"}
    hub = await make_hub(sqlite_database_url, settings)
    room = {"channel": "alerts_chat", "target": {"room": "#ops", "url": "https://chat.example.com/hooks/T0"}}
    made = await hub.create("/api/v1/subscriptions", {**room, "event_types": ["operational.*"]})
    browser = await sign_in(hub, ["admin", "webhooks:write"])
    page = await browser.get(PAGE)
    words = browser.words(page)
    assert f"/subscriptions/{made['id']}/test" in page.text
    for link in re.findall(r'href="([^"]*/subscriptions/new\?channel=[^"]*)"', page.text):
        form = await browser.get(unescape(link))
        assert "Webhook URL" in form.text or "Integration key" in form.text
        assert 'value="operational.*" checked' in form.text
    assert "Deliveries to https://" in words
    assert "What to do: Fix the target." in words

    fields = {"recipients": f"{OWNER}, {SECOND}", "digest": "yes"}
    refused = await browser.post(page.request.url.path, {**fields, "recipients": "nobody"}, expect=200)
    assert "This is no e-mail address: 'nobody'." in browser.words(refused)
    assert 'aria-invalid="true"' in refused.text
    tested = await browser.post(page.request.url.path, {**fields, "do": "test"})
    after = await browser.follow(tested)
    assert "The test message is sent (recipients: 2)." in after.text
    assert f'value="{OWNER}, {SECOND}"' in after.text
    assert 'name="digest" value="yes" checked' in after.text
    assert [message["To"] for message in mail_server.messages] == [OWNER, SECOND]
    # A page that a company may open: "Plugins and health" is for operators.
    link = f"http://hub.example/portal/companies/{hub.company_id}"
    assert link in mail_server.messages[0].get_content().split()
    weak = await sign_in(hub, ["events:read"])
    assert PAGE.rpartition("/portal")[2] not in (await weak.get("/portal")).text
