"""Takes the pictures of ``docs/how-to/connect-n8n.md`` from a real n8n with a real hub behind it.

``pip install playwright``, have Chromium, and run ``python -m tests.plugins.n8n.screenshots docs/images``.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright
from tests.plugins.conftest import _served
from tests.plugins.n8n.conftest import build
from tests.plugins.n8n.server import BROWSER_ID, N8n, node
from tests.waiting import wait_for

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SIZE = {"width": 1280, "height": 800}
ACTION, TRIGGER = "n8n-nodes-wlcro.wlcro", "n8n-nodes-wlcro.wlcroTrigger"
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}


def take(page: Page, folder: Path, name: str) -> None:
    """Take a picture once nothing moves."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"n8n-{name}.png", animations="disabled")


def show_installation(page: Page, n8n: N8n, folder: Path) -> None:
    page.goto(f"{n8n.url}/settings/community-nodes")
    page.get_by_role("button", name="Install a community node").click()
    page.get_by_placeholder("n8n-nodes").fill("n8n-nodes-wlcro")
    page.get_by_text("I understand the risks").click()
    take(page, folder, "install")


def show_credential(page: Page, n8n: N8n, credential: dict[str, Any], folder: Path) -> None:
    page.goto(f"{n8n.url}/home/credentials/{credential['wlcroApi']['id']}")
    page.get_by_text("Connection tested successfully").wait_for()
    take(page, folder, "credential")


def show_trigger(page: Page, n8n: N8n, hub: Any, credential: dict[str, Any], folder: Path) -> None:
    trigger = node(
        "WhiteLabelCRO Trigger", TRIGGER, {"eventTypes": ["lead.created", "payment.failed"]}, credential
    )
    tell = node("Tell the team", "n8n-nodes-base.noOp", {}, position=[300, 0])
    workflow = n8n.make_workflow(
        "Tell the team", trigger, tell, links={"WhiteLabelCRO Trigger": ["Tell the team"]}
    )
    page.goto(f"{n8n.url}/workflow/{workflow}/{trigger['id']}")
    take(page, folder, "trigger")

    n8n.activate(workflow)
    wait_for("the hub has the hook", lambda: hub.call("GET", "/api/v1/n8n/hooks")["hooks"])
    hub.call(
        "POST", "/api/v1/integrations/leads", json=LEAD | {"phone": "+1 555-010-4477", "source": "Website"}
    )
    [execution] = wait_for("the workflow ran", lambda: n8n.executions(workflow))
    page.goto(f"{n8n.url}/workflow/{workflow}/executions/{execution['id']}")
    page.get_by_text("Succeeded").first.wait_for()
    page.wait_for_timeout(3000)
    page.keyboard.press("Escape")  # advice about workflows in production
    page.mouse.dblclick(664, 414)  # the trigger, in a separate frame
    take(page, folder, "execution")


def show_action(page: Page, n8n: N8n, credential: dict[str, Any], folder: Path) -> None:
    chosen = {"resource": "lead", "operation": "updateLeadStatus"}
    start = node("Start", "n8n-nodes-base.manualTrigger", {})
    action = node("WhiteLabelCRO", ACTION, chosen, credential, position=[300, 0])
    workflow = n8n.make_workflow("Move a lead on", start, action, links={"Start": ["WhiteLabelCRO"]})
    page.goto(f"{n8n.url}/workflow/{workflow}/{action['id']}")
    page.get_by_placeholder("Select New Status...").click()
    page.get_by_text("Lead - Contacted").wait_for()
    take(page, folder, "action")


@contextmanager
def opened(n8n: N8n) -> Iterator[Page]:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context: BrowserContext = browser.new_context(viewport=SIZE)
        context.add_init_script(f"localStorage.setItem('n8n-browserId', '{BROWSER_ID}')")
        context.add_cookies(
            [{"name": name, "value": value, "url": n8n.url} for name, value in n8n.client.cookies.items()]
        )
        yield context.new_page()
        browser.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, _served(Path(made)) as hub:
        package = Path(made) / "n8n-nodes-wlcro"
        hub.run("export", "n8n", str(package))
        (Path(made) / "n8n").mkdir()
        with N8n(Path(made) / "n8n", build(package)) as n8n:
            n8n.start()
            n8n.set_up()
            data = {"apiKey": hub.key, "baseUrl": hub.url}
            credential = n8n.make_credential("wlcroApi", data, name="WhiteLabelCRO account")
            with opened(n8n) as page:
                show_installation(page, n8n, folder)
                show_credential(page, n8n, credential, folder)
                show_action(page, n8n, credential, folder)
                show_trigger(page, n8n, hub, credential, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
