"""Watches a browser: its requests, messages and policy violations, and the ones that are allowed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError

LOCAL = {"127.0.0.1", "localhost"}
REPORT = """
window.xss = undefined;
document.addEventListener('securitypolicyviolation', event =>
    console.error(`Policy violated: ${event.effectiveDirective} by ${event.blockedURI} at ${event.sourceFile}`));
"""


@dataclass
class Watch:
    """Watches everything that a browser context does; ``check`` fails on any forbidden act of a page."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    expected: list[Callable[[str], bool]] = field(default_factory=list)

    def begin(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT)
        context.on("request", self._keep)
        context.on("console", self._hear)
        context.on("weberror", self._fail)
        self.contexts.append(context)

    def expect(self, *parts: str) -> None:
        """Allow messages that contain all *parts*: the browser itself logs a 422, and a script that was blocked."""
        self.expected.append(lambda text: all(part in text for part in parts))

    def check(self) -> None:
        """Fail if a request left the host, if the console holds an error, or if a stored script ran."""
        assert [url for url in self.requests if not _is_local(url)] == []
        left = [text for text in self.complaints if not any(passes(text) for passes in self.expected)]
        assert left == []
        for page in [page for context in self.contexts for page in context.pages]:
            self.check_untouched(page)

    @staticmethod
    def check_untouched(page: Page) -> None:
        """Fail if a stored script has run: each hostile script in the tests sets ``window.xss``."""
        if not page.is_closed():
            assert page.evaluate("window.xss") is None, page.url

    def _keep(self, request: Request) -> None:
        self.requests.append(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _fail(self, error: WebError) -> None:
        self.complaints.append(f"exception: {error.error}")


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"data", "about", "blob"} or parts.hostname in LOCAL
