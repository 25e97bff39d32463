"""The contrast of the stylesheet's tones in both themes (WCAG 2.2: 4.5 to 1 for text, 3 to 1 for borders of controls)."""

import re

import pytest

from trunkline_portal.assets import FOLDER
from trunkline_portal.colours import contrast, parse

CSS = (FOLDER / "portal.css").read_text()
GROUNDS = ("ground", "raised", "side", "sunken")
TEXTS = ("ink", "muted", "good", "warn", "bad", "info", "danger")
CODE = ("code-key", "code-text", "code-number", "code-word")
TONED = ("good", "warn", "bad", "info")
CONTROLS = (
    ".button",
    ".field input",
    ".dropdown summary",
    ".row input",
    ".finder input",
    ".switcher",
    ".copy",
)


def tokens(selector: str) -> dict[str, str]:
    block = CSS.partition(f"{selector} {{")[2].partition("}")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


THEMES = {"light": tokens("\n:root"), "dark": tokens('\n:root[data-theme="dark"]')}


@pytest.mark.parametrize("theme", THEMES)
def test_all_text_can_be_read_and_the_borders_of_controls_be_seen(theme):
    tones = THEMES[theme]

    def pairs(names, grounds):
        return {
            (name, ground): contrast(parse(tones[name]), parse(tones[ground]))
            for name in names
            for ground in grounds
        }

    text = pairs(TEXTS, GROUNDS) | pairs(CODE, ("sunken",)) | pairs(("on-danger",), ("danger",))
    for tone in TONED:
        text |= pairs((tone, "ink", "muted"), (f"{tone}-ground",))
    borders = pairs(("line-strong",), GROUNDS)
    assert {pair: found for pair, found in text.items() if found < 4.5} == {}
    assert {pair: found for pair, found in borders.items() if found < 3} == {}


def test_a_chosen_dark_theme_has_the_tones_of_the_systems():
    assert tokens('\n  :root:not([data-theme="light"])') == THEMES["dark"]


def test_controls_have_the_strong_border_and_no_text_is_faded():
    borders = {
        control: re.search(
            rf"(?m)^{re.escape(control)}(?:,[^{{]*)? {{[^}}]*border: 1px solid var\((.*?)\)", CSS
        )[1]
        for control in CONTROLS
    }
    assert borders == dict.fromkeys(CONTROLS, "--line-strong")
    faded = re.findall(r"(?m)^\s*([^{}\n]+) \{[^}]*\bopacity: 0\.\d", CSS)
    assert faded == ["@keyframes beat"]
    assert "::placeholder { color: var(--muted); opacity: 1; }" in CSS
