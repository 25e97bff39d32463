"""The nineteen everyday jobs by keyboard alone, with their clicks and seconds: a customer's in a frame over HTTPS.

``pytest -s tests/plugins/portal/browser/test_jobs.py`` prints the table.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Error, Frame, Page
from tests.plugins.portal.browser.secured import secured
from tests.plugins.portal.browser.seeding import SeededHub, link_of, seed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MOST_CLICKS = 3
MOST_TABS = 120
HOST = '<!doctype html><title>Product</title><iframe src="{url}" width="1260" height="780"></iframe>'
FOCUSED = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return '';
    const labels = [...(one.labels ?? [])].map(label => label.innerText);
    return (one.getAttribute('aria-label') ?? (labels.join(' ') || one.innerText || '')).replace(/\\s+/g, ' ').trim();
}"""

CAME = (
    """document.readyState === 'complete' && document.querySelectorAll('dialog').length !== window.pressed"""
)


@dataclass(frozen=True)
class Typed:
    label: str
    text: str


@dataclass(frozen=True)
class Box:
    label: str


@dataclass(frozen=True)
class Job:
    """A job: it begins at *start*, and is done when *end* is to be read. Names in *steps* are links and buttons to press."""

    name: str
    start: str
    steps: tuple[str | Typed | Box, ...]
    end: str
    is_operators: bool = False

    @property
    def clicks(self) -> int:
        return sum(isinstance(step, str) for step in self.steps)


JOBS = (
    Job(
        "make a subscription",
        "/subscriptions",
        (
            "New subscription",
            Typed("Address", "{target}/made"),
            Box("lead.created"),
            "Create the subscription",
        ),
        "Keep this secret",
    ),
    Job("send a test", "/subscriptions/{subscription}", ("Send a test",), "The receiver accepted it"),
    Job("see the secret again", "/subscriptions/{subscription}", ("Reveal",), "whsec_"),
    Job(
        "rotate the secret",
        "/subscriptions/{subscription}",
        ("Settings", "Rotate…", "Rotate"),
        "Keep this secret",
    ),
    Job("pause a subscription", "/subscriptions/{subscription}", ("Pause", "Pause"), "Resume"),
    Job("why an event did not arrive", "/events?state=failed", ("payment.failed",), "failed for good"),
    Job("what was sent at attempt 2", "/subscriptions/{failing}", ("payment.failed",), "Attempt 2"),
    Job("send a delivery again", "/deliveries/{failed_delivery}", ("Send again",), "again"),
    Job(
        "replay all that failed",
        "",
        ("Targets", "Since yesterday", "Replay all that failed"),
        "new events are not delayed",
    ),
    Job("slow targets", "", ("Targets", "Slowest first"), "p95"),
    Job("limits and their use", "", ("Limits",), "Limits"),
    Job("the audit log", "", ("Changes",), "Changes"),
    Job("connect Zapier", "", ("Connectors", "Connect to Zapier"), "Zapier"),
    Job("find an event by its id", "", (Typed("Search for an id or a value", "#{event}\n"),), "{event}"),
    Job(
        "make a key",
        "/keys",
        ("New key", Typed("Name", "Reports"), Box("events:read"), "Make the key"),
        "was created",
    ),
    Job("read what an event type holds", "", ("Event catalogue", "New Lead Created"), "lead.created"),
    Job("look at the test environment", "", ("Test",), "Test environment"),
    Job("what is failing over all companies", "", ("All companies",), "Warehouse", is_operators=True),
    Job(
        "a customer's link with its scopes",
        "/links",
        ("Only look", "Make the link"),
        "/portal/enter",
        is_operators=True,
    ),
)


@dataclass
class Hands:
    """Somebody who has no mouse, in *frame* of *page*."""

    page: Page
    frame: Frame
    names: dict[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        """Press Tab until the focus is on *name*, where it must be seen."""
        self.passed.clear()
        for _ in range(MOST_TABS):
            if re.match(rf"{re.escape(name)}( |$)", self.frame.evaluate(FOCUSED)):
                assert self.frame.evaluate("document.activeElement.matches(':focus-visible')"), name
                return
            self.page.keyboard.press("Tab")
            self.passed.append(self.frame.evaluate(FOCUSED))
        pytest.fail(f"Tab does not reach {name!r}, but {self.passed}")

    def press(self) -> None:
        """Press Enter, and wait for the page or the dialog that comes."""
        self.frame.evaluate("window.pressed = document.querySelectorAll('dialog').length")
        self.page.keyboard.press("Enter")
        for _ in range(200):
            self.page.wait_for_timeout(20)
            with contextlib.suppress(Error):  # the page goes away while it is asked
                if self.frame.evaluate(CAME):
                    return

    def follow(self, *names: str) -> None:
        """Reach one link or button after the other, and press it."""
        for name in names:
            self.reach(name)
            self.press()

    def do(self, job: Job) -> float:
        self.frame.goto(f"{self.names['root']}{job.start.format(**self.names)}")
        begun = time.monotonic()
        for step in job.steps:
            if isinstance(step, str):
                self.follow(step)
            else:
                self.reach(step.label)
                self.page.keyboard.type(step.text.format(**self.names) if isinstance(step, Typed) else " ")
        self.frame.get_by_text(job.end.format(**self.names)).first.wait_for()
        return time.monotonic() - begun


@pytest.fixture
def world(serve_hub, target, tmp_path) -> Iterator[tuple[SeededHub, str, str]]:
    """A hub behind HTTPS, its address, and that of a page of another site that frames it with a customer in it."""
    with secured(tmp_path, host="127.0.0.1") as portal, secured(tmp_path, host="localhost") as product:
        hub = serve_hub(
            TRUNKLINE_SERVER__PUBLIC_URL=portal.url, TRUNKLINE_PORTAL__FRAME_ANCESTORS=product.url
        )
        seeded = seed(hub, target)
        portal.port, product.port = (int(url.rpartition(":")[2]) for url in (hub.url, target.url))
        scopes = ["events:read", "events:write", "webhooks:write", "admin", "integrations:read"]
        target.show("/product", HOST.format(url=link_of(hub, seeded.operator_key, scopes)))
        yield seeded, portal.url, f"{product.url}/product"


def test_every_job_takes_three_clicks_and_no_mouse(world, somebody):
    seeded, portal, product = world
    person = somebody(seeded, ignore_https_errors=True)
    names = {name: str(getattr(seeded, name)) for name in SeededHub.__slots__}
    names |= {"root": f"{portal}/portal/companies/92", "target": seeded.target.url}
    person.page.goto(product)
    frame = person.page.frames[1]
    frame.get_by_role("heading", name="Overview").wait_for()
    person.page.keyboard.press("Tab")
    customer = Hands(person.page, frame, names)
    page = somebody(seeded, key=seeded.operator_key).page
    page.goto(f"{seeded.url}/portal/companies/92")
    operator = Hands(page, page.main_frame, names | {"root": f"{seeded.url}/portal/companies/92"})

    print("\nclicks fields seconds  job")
    for job in JOBS:
        seconds = (operator if job.is_operators else customer).do(job)
        print(f"{job.clicks:6} {len(job.steps) - job.clicks:6} {seconds:7.1f}  {job.name}")
        assert job.clicks <= MOST_CLICKS
