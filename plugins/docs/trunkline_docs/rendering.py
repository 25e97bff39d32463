"""Renders pages with Jinja templates: as HTML, with everything escaped, and as Markdown."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from trunkline import Json
from trunkline.pages import Product
from trunkline_docs.highlighting import tokens
from trunkline_docs.pages import Page, event_path, operation_path

_HEADING = re.compile(r'<h2 id="([^"]+)">(.+?)</h2>')
_MARKUP = re.compile(r"([\\<\[\]|`])")


class Renderer:
    """Writes the pages of one product."""

    def __init__(self, product: Product, pages: Sequence[Page], *, has_portal: bool = False) -> None:
        self._pages = pages
        self._has_portal = has_portal
        self._environment = Environment(
            loader=PackageLoader("trunkline_docs"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        filters: dict[str, Any] = self._environment.filters
        filters |= {"tokens": tokens, "plain": plain, "cell": cell, "headings": headings}
        tests: dict[str, Any] = self._environment.tests
        tests |= {"web": is_web}
        self._known: Mapping[str, Json] = {
            "product": product,
            "brand": product.brand,
            "sections": [(name, list(them)) for name, them in groupby(pages, key=lambda page: page.section)],
            "lookup_names": {lookup.name for lookup in product.lookups},
            "event_path": event_path,
            "operation_path": operation_path,
        }

    def html(self, page: Page, *, below: str = "") -> bytes:
        """Write *page* as HTML; *below* is put before the links if the page is served one folder higher."""
        here = posixpath.dirname(page.path)

        def link(target: str) -> str:
            return below + posixpath.relpath(target, here or ".")

        above = f"{below}../../{'../' * page.path.count('/')}"
        portal = f"{above}portal" if self._has_portal else None
        return self._write(f"{page.template}.html", page, link=link, portal=portal)

    def markdown(self, page: Page) -> bytes:
        """Write *page* as Markdown, with links to the Markdown of other pages."""
        here = posixpath.dirname(page.path)

        def link(target: str) -> str:
            path, mark, fragment = target.partition("#")
            whole = f"{path}.md" if path.endswith(".html") else path
            return posixpath.relpath(whole, here or ".") + mark + fragment

        return self._write(f"{page.template}.md", page, link=link)

    def llms(self) -> bytes:
        """Write the overview for language models (llmstxt.org): links to every page in Markdown, with summaries."""
        return self._write("llms.txt", self._pages[0], link="{}.md".format)

    def _write(
        self, template: str, page: Page, *, link: Callable[[str], str], portal: str | None = None
    ) -> bytes:
        words = {**self._known, **page.words, "page": page, "link": link, "portal": portal}
        return self._environment.get_template(template).render(words).encode()


def plain(text: object) -> str:
    """Escape tags, links, code and cell ends of Markdown, and put the text on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def cell(text: object) -> str:
    """Escape *text* for back ticks in a table's cell."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("`", "'")


def headings(page: str) -> list[tuple[str, Markup]]:
    """List the headings below the title of a rendered *page*, each with its id."""
    return [(mark, Markup(title)) for mark, title in _HEADING.findall(page)]  # noqa: S704 - the page escaped it


def is_web(url: str) -> bool:
    """Return whether *url* may be linked to."""
    return url.startswith(("https://", "http://"))
