"""Stored text stays text, and stays on the page: each marker would set ``window.xss`` if it ran, and the policy would report it."""

import itertools

import pytest
from tests.plugins.portal.browser.pages import NOBODY, OPERATOR, PAGES, SOMEBODY
from tests.plugins.portal.browser.seeding import SeededHub, Words, seed
from tests.plugins.portal.worlds import lay_fax
from tests.some import some

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARKERS = (
    "<script>window.xss=1</script>",
    '"><img src=x onerror="window.xss=1">',
    "'><svg onload=window.xss=1>",
    "</textarea></pre></code></title><script>window.xss=1</script>",
    "{{7*7}}{% raw %}${7*7}",
    '<a href="javascript:window.xss=1">javascript:window.xss=1</a>',
)
QUERIES = ("q", "type", "status", "channel", "from", "before", "span", "next", "flash")
UNBROKEN = "W" * 200
HOSTILE = "Jane" + "".join(MARKERS) + UNBROKEN
TOO_WIDE = """all => all.filter(box => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === "visible")
    .map(box => `${box.className}: ${box.scrollWidth} in ${box.clientWidth}`)"""
PLUGIN = """
from trunkline import hookimpl
from trunkline.pages import PortalPage

@hookimpl
def register_portal_pages(context):
    return [
        PortalPage("handler", "Fax <b>", lambda request: '<p>Faxes</p><img src="data:,x" onerror="window.xss=1">'),
        PortalPage("script", "Script", lambda request: "<script>window.xss=1</script>"),
        PortalPage("link", "Link", lambda request: '<a href="javascript:window.xss=1">Press</a>'),
        PortalPage("form", "Form", lambda request: '<form action="https://elsewhere.example.com/"><button>Send</button></form>'),
    ]
"""


@pytest.fixture(scope="module")
def hostile(served_hub, target) -> SeededHub:
    """Fill a hub with a marker in every text that people can write."""
    words = Words(
        first_name=HOSTILE,
        description=HOSTILE,
        failing=HOSTILE,
        path=f"%22%3E%3Cscript%3Ewindow.xss=1%3C/script%3E{UNBROKEN}",
        answer=HOSTILE,
        key_name=HOSTILE[:100],
        field=UNBROKEN,
    )
    return seed(served_hub, target, words)


@pytest.fixture(scope="module")
def cookies(hostile, sign_in_once):
    """Give a signed-in browser's state for each kind of viewer."""
    return {
        SOMEBODY: sign_in_once(hostile.hub, hostile.key),
        OPERATOR: sign_in_once(hostile.hub, hostile.operator_key, company_id=92),
    }


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.viewer != NOBODY], ids=lambda page: page.name
)
def test_no_page_runs_what_was_stored_or_is_wider_than_the_screen(page, hostile, cookies, somebody):
    person = somebody(hostile, storage_state=cookies[page.viewer])
    if page.status != 200:
        person.watch.expect(str(page.status))

    person.go(page.address(hostile), status=page.status)

    assert person.page.locator("main img, main a[href^='javascript:'], [onerror], [onload]").count() == 0
    person.page.eval_on_selector_all("main details", "all => all.forEach(details => details.open = true)")
    for width in (1280, 390):
        person.page.set_viewport_size({"width": width, "height": 800})
        person.page.wait_for_timeout(100)
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width
        assert person.page.eval_on_selector_all("main .card, main .notice", TOO_WIDE) == []
    person.watch.check_untouched(person.page)


@pytest.mark.parametrize("path", ["", "/events", "/subscriptions", "/catalogue", "/keys", "/sign-in"])
def test_no_page_runs_what_stands_in_its_address(path, hostile, cookies, somebody):
    person = somebody(hostile, storage_state=cookies[SOMEBODY] if path != "/sign-in" else None)
    person.watch.expect("422")

    for query, marker in some(itertools.product(QUERIES, MARKERS)):
        answer = person.page.request.get(f"/portal{path}", params={query: marker})
        assert "<script>window.xss" not in answer.text()
        assert "<img src=x" not in answer.text()
        assert "<svg onload" not in answer.text()


def test_scripts_in_pages_of_plugins_do_not_run(serve_hub, tmp_path, somebody):
    hub = serve_hub(PYTHONPATH=str(lay_fax(tmp_path, PLUGIN)))
    person = somebody(hub, key=hub.key)
    for complaint in ("script-src", "form-action", "data:,x"):
        person.watch.expect(complaint)

    person.go("/portal/x/fax/handler")
    person.sees("Faxes")
    for _ in range(400):
        person.page.wait_for_timeout(100)
        if any("script-src" in text for text in person.watch.complaints):
            break
    person.watch.check_untouched(person.page)
    assert any("script-src" in text for text in person.watch.complaints)

    person.go("/portal/x/fax/script")
    person.sees("could not show this page")
    person.go("/portal/x/fax/link")
    person.click("Press")
    person.watch.check_untouched(person.page)
    person.go("/portal/x/fax/form")
    person.page.eval_on_selector("main form", "form => form.requestSubmit()")
    person.page.wait_for_timeout(300)
    assert person.page.url == f"{hub.url}/portal/companies/92/x/fax/form"
