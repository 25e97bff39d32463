"""Properties of every page: axe finds nothing serious, no element overflows, and the page is small.

With ``SCREENSHOTS=1`` the tests also write pictures of the main pages to ``docs/images``: light, dark and at a phone's width.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page
from tests.plugins.portal.browser import pictures
from tests.plugins.portal.browser.axe import LOOKS, violations
from tests.plugins.portal.browser.pages import NOBODY, OPERATOR, PAGES, SOMEBODY, PortalPage, kind_of
from tests.plugins.portal.browser.person import Person
from tests.plugins.portal.browser.seeding import SeededHub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

MAX_BYTES = 200_000
"""A quarter of it is the font."""
IMAGES = Path(__file__).parents[4] / "docs" / "images"
PICTURED = ("light", "dark", "phone")
FILLED = """all => all.every(tiles =>
    Math.abs(tiles.getBoundingClientRect().right - tiles.lastElementChild.getBoundingClientRect().right) < 2)"""
MAIN = {
    "overview",
    "everybody",
    "events",
    "event",
    "delivery",
    "subscriptions",
    "subscription",
    "subscription-new",
    "targets",
    "catalogue-event",
}


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def portal_page(request: pytest.FixtureRequest) -> PortalPage:
    return request.param


@pytest.fixture(scope="module")
def cookies(seeded: SeededHub, sign_in_once) -> dict[str, Any]:
    """Give a signed-in browser's state for each kind of viewer."""
    return {
        NOBODY: None,
        SOMEBODY: sign_in_once(seeded.hub, seeded.key),
        OPERATOR: sign_in_once(seeded.hub, seeded.operator_key, company_id=92),
    }


@pytest.fixture
def look_at(seeded: SeededHub, cookies: dict[str, Any], somebody):
    """``look_at(portal_page, **options)``: a person who may see a page, and looks at it."""

    def look(page: PortalPage, **options: Any) -> Person:
        person = somebody(seeded, storage_state=cookies[page.viewer], **options)
        if page.status != 200:
            person.watch.expect(str(page.status))
        person.go(page.address(seeded), status=page.status)
        return person

    return look


def test_it_can_be_read_by_everybody_and_fits_the_screen(portal_page, look_at, axe_source):
    page = look_at(portal_page).page

    for name, look in LOOKS.items():
        width = look.get("width", 1280)
        page.set_viewport_size({"width": width, "height": look.get("height", 800)})
        page.emulate_media(color_scheme=look["color_scheme"])
        if name in PICTURED and portal_page.name in MAIN and os.environ.get("SCREENSHOTS"):
            pictures.take(page, IMAGES / f"portal-{portal_page.name}-{name}.png")
        assert violations(page, axe_source) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.eval_on_selector_all(".tiles", FILLED), "the last row of tiles ends before their frame"


def test_it_weighs_little_on_a_cold_cache(portal_page, seeded, look_at):
    person = look_at(portal_page)
    weighed = weigh(person.page.context.new_cdp_session(person.page))

    person.go(portal_page.address(seeded), status=portal_page.status)
    person.page.wait_for_timeout(200)

    assert 1000 < sum(weighed.values()) <= MAX_BYTES, weighed


def test_no_page_is_forgotten_here(seeded, cookies, somebody):
    """Follow every link as a viewer with all rights: every page found is in ``PAGES``."""
    known = {kind_of(page.address(seeded)) for page in PAGES}
    person = somebody(seeded, storage_state=cookies[OPERATOR])

    assert crawl(person.page) - known == set()


def weigh(wire: CDPSession) -> dict[str, int]:
    """Begin to count with an empty cache; return the bytes of each response as they come."""
    names: dict[str, str] = {}
    weighed: dict[str, int] = {}
    wire.send("Network.enable")
    wire.send("Network.clearBrowserCache")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    wire.on(
        "Network.requestWillBeSent", lambda event: names.update({event["requestId"]: event["request"]["url"]})
    )
    wire.on(
        "Network.loadingFinished",
        lambda event: weighed.update({names.get(event["requestId"], "?"): int(event["encodedDataLength"])}),
    )
    return weighed


def crawl(page: Page) -> set[str]:
    """Follow one link of each kind, from the overview on; return the kinds of pages."""
    waiting, kinds = ["/portal"], set()
    while waiting:
        path = waiting.pop()
        kind = kind_of(path)
        if kind in kinds:
            continue
        answer = page.request.get(path)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        kinds.add(kind)
        page.goto(path)
        links = page.eval_on_selector_all("a[href]", "all => all.map(link => link.getAttribute('href'))")
        waiting += [link for link in links if link.startswith("/portal")]
    return kinds
