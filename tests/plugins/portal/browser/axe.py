"""axe-core's findings about a page, and the variants of the page in which it is run."""

from typing import Any

from playwright.sync_api import Page

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "width": 390, "height": 844},
    "dark phone": {"color_scheme": "dark", "width": 390, "height": 844},
}
AXE = "async options => (await axe.run(document, options)).violations"
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
}


def violations(page: Page, axe_source: str) -> list[str]:
    """List axe's findings, except minor ones, each with its elements."""
    page.evaluate(axe_source)
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {[node['html'][:200] + ' // ' + node['failureSummary'] for node in violation['nodes'][:4]]}"
        for violation in page.evaluate(AXE, OPTIONS)
        if violation["impact"] in {"serious", "critical", "moderate"}
    ]
