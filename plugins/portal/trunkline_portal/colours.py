"""The accent in both themes: the brand's color, moved towards black or white until text in it is readable.

Contrast is that of WCAG 2.2, §1.4.3: 4.5 to 1 for text.
"""

Rgb = tuple[int, int, int]

LIGHT_GROUND: Rgb = (0xF6, 0xF7, 0xF9)
"""The darkest background of the accent in the light theme (``--ground`` in portal.css)."""
DARK_GROUND: Rgb = (0x1D, 0x21, 0x29)
"""The lightest background of the accent in the dark theme (``--sunken``)."""
TINT = 0.12
"""Share of the accent color in the background of a selected item; the item's text has the accent color."""
MIN_CONTRAST = 4.6
_STEPS = 50


def stylesheet(color: str) -> str:
    """Write the custom properties of *color* (``#rrggbb``) for both themes."""
    light_block, dark_block = map(_block, accents(color))
    return (
        f":root{{{light_block}}}"
        f"@media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark_block}}}}}"
        f":root[data-theme=dark]{{{dark_block}}}"
    )


def accents(color: str) -> tuple[Rgb, Rgb]:
    """Return the accent for the light and for the dark theme."""
    light = _readable(parse(color), LIGHT_GROUND, towards=(0, 0, 0))
    return light, _readable(parse(color), DARK_GROUND, towards=(255, 255, 255))


def parse(color: str) -> Rgb:
    """Read ``#rrggbb``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def to_hex(rgb: Rgb) -> str:
    """Write ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def contrast(first: Rgb, second: Rgb) -> float:
    """Compute the contrast of two colors: 1 for equal colors, 21 for black and white."""
    brighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _readable(rgb: Rgb, ground: Rgb, *, towards: Rgb) -> Rgb:
    for step in range(_STEPS + 1):
        mixed = _blend(rgb, towards, step / _STEPS)
        if contrast(mixed, _blend(ground, mixed, TINT)) >= MIN_CONTRAST:
            return mixed
    return towards


def _blend(base: Rgb, layer: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(base, layer, strict=True))
    return red, green, blue


def _ink_on(rgb: Rgb) -> Rgb:
    """Return the text color for a button whose background is the accent color."""
    return max(((255, 255, 255), (0x10, 0x12, 0x16)), key=lambda ink: contrast(ink, rgb))


def _block(accent: Rgb) -> str:
    return f"--accent:{to_hex(accent)};--on-accent:{to_hex(_ink_on(accent))}"


def _luminance(rgb: Rgb) -> float:
    shares = (channel / 255 for channel in rgb)
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
