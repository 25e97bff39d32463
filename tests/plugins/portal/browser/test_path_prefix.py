"""A hub below a path: nginx removes ``/hub``, and a browser that follows the links finds every page and file."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from tests.nginx_sample import nginx
from tests.plugins.portal.browser.test_subscription_story import send_lead
from tests.programs import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SERVERS = """
upstream hub {{ server {hub}; }}
server {{
    listen 127.0.0.1:{port};
    location /hub/ {{ proxy_pass http://hub/; proxy_set_header Host $http_host; }}
    location / {{ return 404; }}
}}
"""


def test_the_portal_and_the_documents_are_found_below_a_path(serve_hub, somebody, tmp_path_factory, target):
    port = free_port()
    base = f"http://127.0.0.1:{port}/hub"
    hub = serve_hub(TRUNKLINE_SERVER__PUBLIC_URL=f"{base}/")
    send_lead(hub)
    servers = SERVERS.format(hub=hub.url.removeprefix("http://"), port=port)
    with nginx(tmp_path_factory.mktemp("nginx"), servers):
        person = somebody(hub)
        page, lost = person.page, []
        page.context.on("response", lambda answer: lost.append(answer.url) if answer.status >= 400 else None)

        page.goto(f"{base}/portal")
        page.get_by_label("API key", exact=True).fill(hub.key)
        person.click("Sign in")
        page.wait_for_url(re.compile(re.escape(f"{base}/portal/companies/92")))
        for entry in person.navigation():
            link = page.locator("#navigation").get_by_role("link", name=entry, exact=True)
            there = link.get_attribute("href")
            link.click()
            page.wait_for_url(f"**{there}")
            page.goto(f"{base}/portal")
        page.locator("#navigation").get_by_role("link", name="Subscriptions", exact=True).click()
        person.click("New subscription", within=page.locator("main"))
        page.get_by_label("Address").fill(target.url)
        page.get_by_label("lead.created", exact=True).check()
        person.click("Create the subscription")
        expect(page.get_by_role("heading", level=1)).to_have_text("Keep this secret")
        person.click("I have copied it")
        person.click("Test")
        page.goto(f"{base}/docs")
        expect(page.get_by_text("/api/v1/events", exact=True).first).to_be_visible()
        page.goto(f"{base}/docs/events")
        page.locator("main a").first.click()
        page.wait_for_load_state("networkidle")

        assert {cookie["path"] for cookie in page.context.cookies()} == {"/hub/portal"}
        assert {urlsplit(url).path.split("/")[1] for url in person.watch.requests} == {"hub"}
        assert lost == []
