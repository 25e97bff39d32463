"""The portal in a real Chromium, over a hub in a separate process, with a scripted target behind it.

Playwright's synchronous interface is used, which occupies the thread's event loop. So every test here is synchronous, too, and the
browser ends with its module.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from tests.plugins.portal.browser.person import Person
from tests.plugins.portal.browser.seeding import SeededHub, seed
from tests.plugins.portal.browser.target import Target, started_target
from tests.plugins.portal.browser.watching import Watch

HERE = Path(__file__).parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

PATIENCE_MS = 40_000
"""How long a person waits for what must come, on a slow and busy machine."""
expect.set_options(timeout=PATIENCE_MS)

OpenPerson = Callable[..., Person]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, which can resolve only this host."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with started_target() as started:
        yield started


@pytest.fixture(scope="session")
def axe_source(install_node_packages: Callable[[Path], Path]) -> str:
    return (install_node_packages(HERE / "axe_core") / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def somebody(chromium: Browser) -> Iterator[OpenPerson]:
    """``somebody(hub, key=…, width=390, color_scheme="dark")``: a person at a browser without cookies.

    When the test ends, no request may have left the host, no console may hold an error, and no policy may have been violated.
    """
    watches: list[Watch] = []
    with ExitStack() as stack:

        def open_one(
            hub: Any, *, key: str | None = None, width: int = 1280, height: int = 800, **options: Any
        ) -> Person:
            context = chromium.new_context(
                base_url=hub.url,
                viewport={"width": width, "height": height},
                reduced_motion="reduce",
                **options,
            )
            context.set_default_timeout(PATIENCE_MS)
            stack.callback(context.close)
            watch = Watch()
            watch.begin(context)
            watches.append(watch)
            person = Person(context.new_page(), hub, watch)
            if key is not None:
                person.sign_in(key)
            return person

        yield open_one
        for watch in watches:
            watch.check()


@pytest.fixture(scope="module")
def operator_key(served_hub: Any) -> str:
    key: str = served_hub.make_key(company_id=None, name="on call")
    return key


@pytest.fixture(scope="module")
def seeded(served_hub: Any, target: Target) -> SeededHub:
    return seed(served_hub, target)


@pytest.fixture(scope="module")
def sign_in_once(chromium: Browser) -> Callable[..., Any]:
    """``sign_in_once(hub, key, company_id=92)``: a signed-in browser's state, for ``storage_state``."""

    def sign_in(hub: Any, key: str, *, company_id: int | None = None) -> Any:
        context = chromium.new_context(base_url=hub.url)
        person = Person(context.new_page(), hub, Watch())
        person.sign_in(key)
        if company_id is not None:
            person.go("/portal/company")
            person.page.locator(f"button[name=company_id][value='{company_id}']").click()
            person.page.wait_for_url(f"**/portal/companies/{company_id}")
        state = context.storage_state()
        context.close()
        return state

    return sign_in
