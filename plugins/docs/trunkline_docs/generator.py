"""Makes the site from a product: its pages as HTML and as Markdown, ``llms.txt``, schemas, requests and assets.

``pages`` gives the content, ``rendering`` writes it. Every link is relative, so the site works from a disk and
below any address.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from trunkline.pages import Brand, Product
from trunkline_docs import colors
from trunkline_docs.pages import pages_of, request_path, schema_path
from trunkline_docs.rendering import Renderer
from trunkline_docs.requests import pushed

_INITIAL = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="{color}"/>'
    '<path d="M8 11h16M8 16h16M8 21h9" stroke="{ink}" stroke-width="2.6" stroke-linecap="round"/></svg>\n'
)


@dataclass(frozen=True, slots=True)
class Site:
    """The files by their paths. *front* is a second copy of the index, for the address without a trailing slash."""

    files: Mapping[str, bytes] = field(repr=False)
    front: bytes = field(repr=False)


def generate(product: Product) -> Mapping[str, bytes]:
    """Make every file of the site."""
    return make_site(product).files


def make_site(product: Product, *, served_as: str = "", has_portal: bool = False) -> Site:
    """Make the site; *served_as* is the last segment of the address at which ``front`` is served.

    With *has_portal* the site is served at ``/docs/events`` by a hub with the portal, and its pages link to the portal.
    Raises ValueError.
    """
    pages = pages_of(product)
    renderer = Renderer(product, pages, has_portal=has_portal)
    documents = {page.path: renderer.html(page) for page in pages}
    documents |= {f"{page.path}.md": renderer.markdown(page) for page in pages}
    documents["llms.txt"] = renderer.llms()
    for event_type in product.event_types:
        documents[schema_path(event_type)] = event_type.schema_json
        documents[request_path(event_type)] = pushed(event_type).body.encode()
    documents |= _assets(product.brand)
    return Site(documents, renderer.html(pages[0], below=f"{served_as}/" if served_as else ""))


def _assets(brand: Brand) -> Iterator[tuple[str, bytes]]:
    folder = files("trunkline_docs") / "assets"
    style = (folder / "style.css").read_text(encoding="utf-8")
    for word, color in colors.accents(brand.color).items():
        style = style.replace(f"%{word}%", color)
    yield "assets/style.css", style.encode()
    yield "assets/docs.js", (folder / "docs.js").read_bytes()
    color = colors.plain(brand.color)
    yield "assets/icon.svg", _INITIAL.format(color=color, ink=colors.ink_on(color)).encode()
    if brand.logo is not None:
        yield "assets/logo.svg", brand.logo.encode()
    if brand.logo_dark is not None:
        yield "assets/logo-dark.svg", brand.logo_dark.encode()
