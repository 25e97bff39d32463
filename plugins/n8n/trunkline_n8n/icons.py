"""The package's icons: the brand's logo, or its initial in the brand's colour."""

from html import escape

from trunkline.pages import Brand


def draw_icons(brand: Brand) -> tuple[str, str]:
    """Return two SVGs: one for light and one for dark backgrounds."""
    light = brand.logo or _draw_initial(brand, ground=brand.color, ink="#ffffff")
    dark = brand.logo_dark or brand.logo or _draw_initial(brand, ground="#ffffff", ink=brand.color)
    return light, dark


def _draw_initial(brand: Brand, *, ground: str, ink: str) -> str:
    initial = escape(brand.title[0].upper())
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60" viewBox="0 0 60 60">\n'
        f'\t<rect width="60" height="60" rx="12" fill="{ground}"/>\n'
        '\t<text x="30" y="42" font-family="Helvetica, Arial, sans-serif" font-size="36" font-weight="700"'
        f' text-anchor="middle" fill="{ink}">{initial}</text>\n'
        "</svg>\n"
    )
