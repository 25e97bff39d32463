"""Readable shades of the brand's colour, for text on light and dark backgrounds and as background.

The contrast follows WCAG 2.2, 1.4.3.
"""

import re
from collections.abc import Mapping

LIGHT_GROUND, DARK_GROUND = "#eceff3", "#222a34"
"""The backgrounds with the least contrast to accent text: ``--ground-3`` of the stylesheet."""
_READABLE = 4.5
_STEPS = 40
_NEUTRAL = "#334155"
_FORM = re.compile(r"#[0-9a-fA-F]{6}")


def accents(color: str) -> Mapping[str, str]:
    """Return the colours for the placeholders of the stylesheet: the brand's own, and its readable shades."""
    brand = plain(color)
    return {
        "BRAND": brand,
        "ON_BRAND": ink_on(brand),
        "LIGHT_ACCENT": _readable(brand, ground=LIGHT_GROUND, towards="#000000"),
        "DARK_ACCENT": _readable(brand, ground=DARK_GROUND, towards="#ffffff"),
    }


def plain(color: str) -> str:
    """Return *color* in lower case, or a neutral colour if *color* is not ``#rrggbb``."""
    return color.lower() if _FORM.fullmatch(color) else _NEUTRAL


def ink_on(ground: str) -> str:
    """Return black or white: the colour with more contrast on *ground*."""
    return max("#ffffff", "#000000", key=lambda ink: contrast(ink, ground))


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _readable(color: str, *, ground: str, towards: str) -> str:
    parts = list(zip(_channels(color), _channels(towards), strict=True))
    for step in range(_STEPS + 1):
        share = step / _STEPS
        shade = "#" + "".join(f"{round(start + (end - start) * share):02x}" for start, end in parts)
        if contrast(shade, ground) >= _READABLE:
            return shade
    return towards


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
