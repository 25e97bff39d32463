"""Pages of other sites in a signed-in person's browser: they can neither change anything nor show the portal."""

import re

import pytest
from playwright.sync_api import Frame, Page, expect
from tests.plugins.portal.browser.seeding import link_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FORM = """<!doctype html><title>Win a phone</title><form method="post" action="{action}">
<input name="name" value="stolen"><input name="scopes" value="admin"><input name="csrf" value="{csrf}"></form>
<script>document.forms[0].submit()</script>"""
FRAME = '<!doctype html><title>Win a phone</title><iframe src="{url}" width="900" height="700"></iframe>'


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another site", "the same host"])
def test_the_form_of_another_site_changes_nothing(served_hub, target, somebody, host):
    """By ``localhost`` the form comes without the cookie, so nobody is signed in; from another port of the host it is refused."""
    person = somebody(served_hub, key=served_hub.key)
    person.watch.expect("403")
    before = served_hub.call("GET", "/api/v1/keys")
    target.show("/win", FORM.format(action=f"{served_hub.url}/portal/keys", csrf="x" * 43))

    person.page.goto(f"{target.url.replace('127.0.0.1', host)}/win")
    person.page.wait_for_url(re.compile(re.escape(f"{served_hub.url}/portal")))

    expect(person.page.get_by_role("heading", level=1)).to_have_text(
        "Overview" if host == "localhost" else "This form is no longer valid"
    )
    assert served_hub.call("GET", "/api/v1/keys") == before
    person.go("/portal")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Overview")


def refused_frame(page: Page) -> Frame:
    """Wait until the browser has refused to show what the page frames; give the frame."""
    for _ in range(400):
        page.wait_for_timeout(100)
        if page.frames[1:] and page.frames[1].url.startswith("chrome-error:"):
            return page.frames[1]
    raise AssertionError([frame.url for frame in page.frames])


def test_a_page_that_frames_the_portal_shows_nothing(served_hub, target, somebody):
    person = somebody(served_hub, key=served_hub.key)
    person.watch.expect("frame-ancestors 'none'")
    person.watch.expect("chrome-error://")
    target.show("/frame", FRAME.format(url=f"{served_hub.url}/portal"))

    person.page.goto(f"{target.url}/frame")

    assert "Overview" not in refused_frame(person.page).content()


def test_whom_the_setting_names_may_frame_it_and_let_somebody_in_by_a_link(serve_hub, target, somebody):
    hub = serve_hub(TRUNKLINE_PORTAL__FRAME_ANCESTORS=target.url)
    operator_key = hub.make_key(company_id=None, name="product")
    url = link_of(hub, operator_key, ["events:read", "webhooks:write"])
    target.show("/product", FRAME.format(url=url))
    person = somebody(hub)

    person.page.goto(f"{target.url}/product")
    portal = person.page.frame_locator("iframe")
    expect(portal.get_by_role("heading", level=1)).to_have_text("Overview")
    portal.get_by_role("link", name="Subscriptions", exact=True).first.click()
    expect(portal.get_by_role("heading", level=1)).to_have_text("Subscriptions")

    person.watch.expect("frame-ancestors")
    person.watch.expect("chrome-error://")
    target.show("/thief", FRAME.format(url=f"{hub.url}/portal"))
    person.page.goto(f"{target.url.replace('127.0.0.1', 'localhost')}/thief")
    refused_frame(person.page)


HOST = """<!doctype html><title>Product</title><iframe src="{url}" width="900" height="700"></iframe>
<script>addEventListener("message", event => {{ document.title = JSON.stringify(event.data) }})</script>"""


def test_a_frame_whose_session_has_ended_says_so_to_the_customer_and_to_the_page_that_holds_it(
    serve_hub, target, somebody
):
    hub = serve_hub(TRUNKLINE_PORTAL__FRAME_ANCESTORS=target.url)
    operator_key = hub.make_key(company_id=None, name="product")
    url = link_of(hub, operator_key, ["events:read", "webhooks:write"])
    target.show("/host", HOST.format(url=url))
    person = somebody(hub)
    person.page.goto(f"{target.url}/host")
    portal = person.page.frame_locator("iframe")
    expect(portal.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(portal.locator("#navigation a[href='/docs']")).to_have_attribute("target", "_blank")
    portal.locator("#navigation a[href$='/catalogue']").click()
    portal.locator("main a[href$='/catalogue/lead.created']").first.click()
    expect(portal.locator("a[href='/schemas/events/lead.created.json']")).to_have_attribute(
        "target", "_blank"
    )

    person.page.context.clear_cookies()
    portal.locator("#navigation a[href$='/events']").click()
    expect(portal.get_by_role("status")).to_contain_text("your session has ended")
    expect(portal.get_by_label("API key", exact=True)).not_to_be_visible()
    said = '{"source":"trunkline-portal","type":"session-ended","version":1}'
    expect(person.page).to_have_title(said)
