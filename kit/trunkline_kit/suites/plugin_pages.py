"""Checks of the pages that a plugin adds to the portal."""

import asyncio
import contextlib
import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import ClassVar

import pytest

from trunkline.contract import PortalContent, PortalPage, PortalRequest
from trunkline.contract.fragments import FragmentInvalid, check_fragment
from trunkline.model.principals import COMPANY_SCOPES, OPERATOR, Principal
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, fail, not_applicable
from trunkline_kit.hubs import COMPANY_ID, MakeTestHub, TestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.suite import Suite

HOSTILE = "<i id=hostile>\"'&lt;{{7*7}}"
_OTHER = 93

WritePages = Callable[..., Awaitable[list[tuple[PortalPage, str]]]]


class AnyQuery(Mapping[str, str]):
    """A query that has every parameter; each value is hostile text."""

    def __getitem__(self, name: str) -> str:
        return HOSTILE

    def __iter__(self) -> Iterator[str]:
        return iter(("q", "page", "limit", "cursor", "id", "sort"))

    def __len__(self) -> int:
        return 6

    def __contains__(self, name: object) -> bool:
        return True


class PageChecks(Suite):
    """Checks of the plugin's portal pages. *unscoped_pages* are the names of pages that any key may see."""

    unscoped_pages: ClassVar[Collection[str]] = ()

    @pytest.fixture
    def write_pages(self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin) -> WritePages:
        """Return a function that renders the plugin's pages for company 92."""

        async def write(
            query: Mapping[str, str] | None = None, *, judges_time: bool = False
        ) -> list[tuple[PortalPage, str]]:
            _pages(trunkline_plugin)
            hub = await self.start(trunkline_hub, dispatch=False)
            await _emit_marked(hub, HOSTILE)
            written: list[tuple[PortalPage, str]] = []
            for page in _pages_of(hub, self.name):
                try:
                    async with asyncio.timeout(self.patience_seconds):
                        written.append((page, await _write(page, _request(COMPANY_ID, query or {}))))
                except TimeoutError:
                    fail(
                        f"the page '{page.name}' is not written within {self.patience_seconds:g} s; show what is there, and do not wait"
                    )
                except Exception as error:  # noqa: BLE001 - whatever a page raises is what is looked for
                    demand(
                        judges_time,
                        f"the page '{page.name}' raises {type(error).__name__}: {error}; show what is wrong instead",
                    )
            return written

        return write

    @check("plugin.pages-are-fragments", level=DELIVERS)
    async def test_pages_are_fragments(self, write_pages: WritePages) -> None:
        """A page is an HTML fragment with every element closed, and nothing in it can leave the portal's page."""
        for page, html in await write_pages():
            try:
                check_fragment(html)
            except FragmentInvalid as error:
                fail(f"the HTML of the page '{page.name}' {error}")

    @check("plugin.pages-have-no-script", level=DELIVERS)
    async def test_pages_have_no_script(self, write_pages: WritePages) -> None:
        """A page has no script, no style, no event handler in an attribute, and no javascript: URL."""
        for page, html in await write_pages():
            reader = _Reader()
            reader.feed(html)
            demand(
                not reader.faults,
                f"the page '{page.name}' has {_first(reader.faults)}, which the portal blocks; leave it out",
            )

    @check("plugin.pages-escape-what-is-not-theirs", level=DELIVERS)
    async def test_pages_escape_what_is_not_theirs(self, write_pages: WritePages) -> None:
        """Text from the page's URL, from the key's name and from events is escaped, whatever the text contains."""
        for page, html in await write_pages(AnyQuery()):
            demand(
                "<i id=hostile>" not in html,
                f"the page '{page.name}' writes text that is not its own as HTML; use html.escape",
            )

    @check("plugin.pages-return-in-time", level=DELIVERS)
    async def test_pages_return_in_time(self, write_pages: WritePages) -> None:
        """A page is rendered within five seconds."""
        await write_pages(judges_time=True)

    @check("plugin.pages-show-one-company", level=COMPLETE)
    async def test_pages_show_one_company(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """The pages of a company show nothing of another company's events."""
        _pages(trunkline_plugin)
        hub = await self.start(trunkline_hub, dispatch=False)
        markers = await _emit_marked(hub, "only-for-92")
        for page in _pages_of(hub, self.name):
            html = await _write(page, _request(_OTHER, {}))
            leaks = [
                marker
                for marker in markers
                if re.search(rf"(?<![0-9A-Za-z_]){re.escape(marker)}(?![0-9A-Za-z_])", html)
            ]
            demand(
                not leaks,
                f"the page '{page.name}' shows company {_OTHER} '{_first(leaks)}' of company {COMPANY_ID}; ask for request.company_id's",
            )

    @check("plugin.pages-name-a-scope", level=COMPLETE)
    def test_pages_name_a_scope(self, trunkline_plugin: InspectedPlugin) -> None:
        """A page declares the scope that a key needs to see it, unless the suite lists it in *unscoped_pages*."""
        for page in _pages(trunkline_plugin):
            demand(
                page.scope in {*COMPANY_SCOPES, OPERATOR}
                or not page.listed
                or page.name in self.unscoped_pages,
                f"every key sees the page '{page.name}'; give it a scope, as 'events:read'",
            )


def _pages(plugin: InspectedPlugin) -> Sequence[PortalPage]:
    return plugin.contributions.pages or not_applicable("it has no portal pages")


def _pages_of(hub: TestHub, plugin: str) -> list[PortalPage]:
    return [page for owner, page in hub.hub.registry.collected.pages if owner == plugin]


def _request(company_id: int, query: Mapping[str, str]) -> PortalRequest:
    principal = Principal("key_1", company_id, HOSTILE, frozenset(COMPANY_SCOPES))
    return PortalRequest(company_id, principal, query)


async def _write(page: PortalPage, request: PortalRequest) -> str:
    """Render *page* as the portal does: a plain function in a thread."""
    if inspect.iscoroutinefunction(page.render):
        html = await page.render(request)
    else:
        html = await asyncio.to_thread(page.render, request)
        html = await html if inspect.isawaitable(html) else html
    html = html.html if isinstance(html, PortalContent) else html
    demand(
        isinstance(html, str),
        f"the page '{page.name}' gives a value of type {type(html).__name__}; give text",
    )
    return str(html)


async def _emit_marked(hub: TestHub, marker: str) -> list[str]:
    """Emit events of company 92 with *marker* in each free text; return texts that identify them."""
    markers: list[str] = [marker]
    for name in hub.events.types:
        example = hub.events(name)
        for field in [field for field, value in example.items() if isinstance(value, str)]:
            with contextlib.suppress(Exception):  # the field may take no such text
                event = await hub.emit(name, {**example, field: marker})
                markers.append(str(event.event_id))
    return markers


class _Reader(HTMLParser):
    """Collects forbidden scripts, handlers and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style"}:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "srcdoc"}:
                self.faults.append(f"the attribute {name} on <{tag}>")
            if (value or "").strip().lower().startswith(("javascript:", "data:text/html")):
                self.faults.append(f"a javascript: address on <{tag}>")


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""
