"""The files that pages load: read once, with a digest in the address, so that browsers may cache them permanently."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import escape
from starlette.responses import Response

from trunkline.pages import Brand
from trunkline_portal import colours

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
FONT = "inter.woff2"
"""Inter 4, the Latin file of the npm package @fontsource-variable/inter 5.3.0; its licence is in the same folder."""
_KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; *digest* is the part of its address that changes with its content."""

    name: str
    digest: str
    body: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """The address from which pages load it."""
        return f"/portal/static/{self.digest}/{self.name}"

    def response(self) -> Response:
        """Serve it with a cache lifetime of a year."""
        kind = _TYPES[Path(self.name).suffix]
        return Response(self.body, headers={"Content-Type": kind, "Cache-Control": _KEPT})


def load(brand: Brand) -> Mapping[str, Asset]:
    """Read the folder, put the brand's color into the stylesheet, and add the brand's logo and mark."""
    bodies = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}
    bodies["portal.css"] += colours.stylesheet(brand.color).encode()
    font = f"../{_digest(bodies[FONT])}/{FONT}"
    bodies["portal.css"] = bodies["portal.css"].replace(FONT.encode(), font.encode())
    light, _ = colours.accents(brand.color)
    bodies[
        "mark.svg"
    ] = (  # the brand's initial on its color, for browser tabs and as a substitute for a logo
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{colours.to_hex(light)}"/>'
        '<text x="16" y="22.5" text-anchor="middle" font-family="system-ui,sans-serif" font-size="18" '
        f'font-weight="700" fill="#fff">{escape(brand.title[:1].upper())}</text></svg>'
    ).encode()
    for name, logo in (("logo.svg", brand.logo), ("logo-dark.svg", brand.logo_dark)):
        if logo is not None:
            bodies[name] = logo.encode()
    return {name: Asset(name, _digest(body), body) for name, body in bodies.items()}


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:12]
