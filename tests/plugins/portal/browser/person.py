"""A person at a browser: the actions of people, in their words."""

import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, Response, expect
from tests.plugins.portal.browser.watching import Watch


@dataclass
class Person:
    """A person who looks at *page* of the portal of *hub*."""

    page: Page
    hub: Any
    watch: Watch

    def go(self, path: str, *, status: int = 200) -> Response:
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        return answer

    def sign_in(self, key: str) -> None:
        self.go("/portal/sign-in")
        self.page.get_by_label("API key", exact=True).fill(key)
        self.click("Sign in")
        self.page.wait_for_url(re.compile(r"/portal(?!/sign-in)"))

    def click(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Press the button or follow the link with the name *name*."""
        scope = within or self.page
        named = scope.get_by_role("button", name=name, exact=True)
        named.or_(scope.get_by_role("link", name=name, exact=True)).first.click()

    def confirm(self, button: str) -> None:
        """Agree in the dialog that a link has opened."""
        self.click(button, within=self.page.get_by_role("dialog"))

    def sees(self, text: str | re.Pattern[str], *, seconds: float = 60) -> None:
        """Wait for *text* on the page; fail if it does not come."""
        expect(self.page.locator("main")).to_contain_text(text, timeout=seconds * 1000)

    def sees_not(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("main")).not_to_contain_text(text)

    def navigation(self) -> list[str]:
        return [
            text.strip() for text in self.page.locator("#navigation li a span:last-child").all_inner_texts()
        ]
