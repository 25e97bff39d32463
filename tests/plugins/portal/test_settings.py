"""The section ``portal``: what its how-to says of it, and what is refused."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from trunkline_portal.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "embed-the-portal.md"


def test_every_setting_is_on_the_page_with_its_default():
    rows = re.findall(r"^\| `portal\.(\w+)` \| (\S+) \|", PAGE.read_text(), re.MULTILINE)
    defaults = {name: field.default or "none" for name, field in Settings.model_fields.items()}
    assert dict(rows) == {name: f"{default}" for name, default in defaults.items()}


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "'none'",
        "app.example.com",
        "https://a.example https://b.example",
        "https://a.example; script-src *",
        "https://a.example/x",
    ],
)
def test_only_origins_may_frame_the_portal(origin):
    with pytest.raises(ValidationError, match="is neither an origin"):
        Settings(frame_ancestors=(origin,))


@pytest.mark.parametrize(
    "origin", ["https://app.example.com", "http://127.0.0.1:3000", "https://*.example.com", "'self'"]
)
def test_origins_may(origin):
    assert Settings(frame_ancestors=(origin,)).frame_ancestors == (origin,)
