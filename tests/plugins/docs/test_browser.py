"""The pages in a real Chromium: served with their policy and opened from the disk, without scripts, by keyboard, on a phone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.plugins.products import installed_product
from tests.some import some

from trunkline_docs.generator import generate

from .products import SHOP, retold

HERE = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PAGES = (
    "index",
    "handbook",
    "verify",
    "errors",
    "lookups",
    "invoice.created",
    "actions/update_lead",
    "searches/find_client",
)
HOSTILE = '"><script>window.xss = 1</script><img src=x onerror="window.xss = 2"><svg onload="window.xss = 3">'
LOUD = ("error", "warning")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
expect.set_options(timeout=40_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program is not None, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a new browser context; at the end, check that it requested no other host and logged no error."""
    requested: list[str] = []
    complaints: list[str] = []
    contexts = []

    def open_one(url: str, *, width: int = 1440, **options: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        context.on("request", lambda request: requested.append(request.url))
        context.on(
            "console", lambda message: complaints.append(message.text) if message.type in LOUD else None
        )
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requested if not url.startswith(("file:", "http://127.0.0.1:"))] == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(generate(installed_product()), tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def axe_source(install_node_packages: Callable[[Path], Path]) -> str:
    return (install_node_packages(HERE / "axe") / "node_modules" / "axe-core" / "axe.min.js").read_text()


def write(files: Any, folder: Path) -> str:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder.as_uri()


def test_served_pages_work_under_their_policy(served_hub, open_page):
    page = open_page(f"{served_hub.url}/docs/events")
    expect(page.get_by_role("heading", level=1)).to_have_text("WhiteLabelCRO events")
    page.get_by_role("navigation").get_by_role("link", name="lead.created").click()
    expect(page).to_have_url(f"{served_hub.url}/docs/events/lead.created.html")
    background = "getComputedStyle(document.querySelector('.top')).position"
    assert page.evaluate(background) == "sticky"
    page.get_by_label("Find a page").fill("find client")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Find Client"])
    page.get_by_role("navigation").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find Client")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_axe_finds_nothing(exported, open_page, axe_source, width, color_scheme):
    for name in PAGES:
        page = open_page(f"{exported}/{name}.html", width=width, color_scheme=color_scheme)
        page.evaluate(axe_source)
        violations = page.evaluate("axe.run({preload: false})")["violations"]
        assert [(violation["id"], violation["nodes"][0]["html"]) for violation in violations] == [], name


def test_the_api_reference_is_shown_under_its_policy_in_colours_that_can_be_read(
    served_hub, open_page, axe_source
):
    page = open_page(f"{served_hub.url}/docs")
    for method in ("get", "post", "patch", "delete"):
        call = page.locator(f".opblock-{method} .opblock-summary-control").first
        call.click()
        expect(call).to_have_attribute("aria-expanded", "true")
    page.evaluate(axe_source)
    violations = page.evaluate("axe.run({preload: false, runOnly: ['color-contrast']})")["violations"]
    assert [node["html"] for violation in violations for node in violation["nodes"]] == []


BROKEN = """() => {
  const texts = document.createTreeWalker(document.querySelector(".text"), NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const broken = [];
  while (texts.nextNode()) {
    if (texts.currentNode.parentElement.closest(".wraps, .hidden, caption, legend, thead")) continue;
    for (const word of texts.currentNode.data.matchAll(/[\\w.@+:]+/g)) {
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((part) => Math.round(part.top)));
      if (lines.size > 1) broken.push(word[0]);
    }
  }
  return broken;
}"""
"""Gives the words of a page that are broken over two lines, except in a one-line body and in texts for screen readers."""


def test_at_1280_what_matters_is_in_view_and_beside_its_example(exported, open_page):
    page = open_page(f"{exported}/index.html", width=1280)
    types = page.locator(".cards").first.get_by_role("link")
    assert types.count() == 10
    expect(types.last).to_be_in_viewport(ratio=1)
    page.goto(f"{exported}/lead.created.html")
    expect(page.get_by_role("row").nth(2)).to_be_in_viewport(ratio=1)
    fields, example = (page.locator(part).bounding_box() for part in (".fields", ".example .listing"))
    assert fields
    assert example
    assert example["x"] > fields["x"] + fields["width"]
    contents = page.get_by_role("navigation").get_by_role("list", name="On this page").get_by_role("link")
    contents.filter(has_text="Order and retries").click()
    expect(page.get_by_role("heading", name="Order and retries")).to_be_in_viewport()
    expect(page.locator(".example .listing")).to_be_in_viewport(ratio=1)
    for name in some(PAGES):
        page.goto(f"{exported}/{name}.html")
        assert page.evaluate(BROKEN) == [], name


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_needs_no_sideways_scrolling(exported, open_page, name):
    page = open_page(f"{exported}/{name}.html", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [word for word in page.evaluate(BROKEN) if not word.startswith("whsec_")] == []
    menu = page.get_by_text("Menu", exact=True)
    expect(page.get_by_role("link", name="Overview")).to_be_hidden()
    menu.click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()


def test_without_scripts_there_is_everything(exported, open_page):
    page = open_page(f"{exported}/verify.html", java_script_enabled=False)
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    panels = page.locator(".panel")
    expect(panels.nth(0)).to_be_visible()
    page.get_by_text("PHP", exact=True).click()
    expect(panels.nth(0)).to_be_hidden()
    expect(panels.nth(2)).to_be_visible()


def test_the_keyboard_reaches_the_content_and_the_languages(exported, open_page):
    page = open_page(f"{exported}/verify.html")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    page.get_by_role("radio", name="Python").focus()
    for language in ("JavaScript", "PHP", "Ruby", "Go", "Java"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("radio", name=language, exact=True)).to_be_checked()
    page.goto(f"{exported}/lead.created.html")
    expect(page.get_by_role("radio", name="Java", exact=True)).to_be_checked()
    expect(page.locator(".panel").nth(5)).to_be_visible()


def test_a_customer_sees_their_own_company_and_sends_themselves_the_event(served_hub, open_page):
    operator = {"X-Api-Key": served_hub.make_key("operator", company_id=None)}
    company = {"reference": "acme-4f2a", "name": "Acme"}
    company_id = served_hub.call("POST", "/api/v1/companies", headers=operator, json=company)["id"]
    key = served_hub.make_key("events:read", "events:write", company_id=company_id)
    page = open_page(f"{served_hub.url}/docs/events/lead.created", width=1280)
    example = page.locator(".example .listing")
    expect(example).to_contain_text('"companyId": 92,\n  "payload"')
    page.get_by_role("link", name="Send me this event").click()
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Documentation").click()
    expect(example).to_contain_text(f'"companyId": {company_id},\n  "companyRef": "acme-4f2a",\n  "payload"')
    page.get_by_role("link", name="Send me this event").click()
    page.get_by_role("button", name="Send the event").click()
    expect(page.get_by_role("status")).to_contain_text("of type lead.created was stored")


def test_it_is_read_in_a_frame_of_another_site(served_hub, open_page, tmp_path):
    (tmp_path / "host.html").write_text(
        f'<!doctype html><iframe src="{served_hub.url}/docs/events" width="1280" height="800"></iframe>'
    )
    page = open_page((tmp_path / "host.html").as_uri(), width=1440)
    frame = page.frame_locator("iframe")
    frame.locator(".cards").first.get_by_role("link", name="lead.created").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("lead.created")
    frame.get_by_role("link", name="JSON Schema of the payload").click()
    expect(frame.get_by_text('"New Lead Created"')).to_be_visible()


def test_a_listing_is_copied_as_it_is(served_hub, open_page):
    page = open_page(
        f"{served_hub.url}/docs/events/lead.created", permissions=["clipboard-read", "clipboard-write"]
    )
    button = page.get_by_role("button", name="Copy: Body")
    button.click()
    expect(button).to_have_text("Copied")
    body = served_hub.call("GET", "/docs/events/requests/lead.created.json")
    assert page.evaluate("navigator.clipboard.readText().then(JSON.parse)") == body


def test_hostile_texts_do_nothing(open_page, tmp_path):
    files = generate(retold(SHOP, HOSTILE))
    address = write(files, tmp_path)
    for name in some(path for path in files if path.endswith(".html")):
        page = open_page(f"{address}/{name}")
        assert page.evaluate("window.xss") is None, name
