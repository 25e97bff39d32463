"""The section ``portal``: the statements of its how-to, and refused values."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from trunkline.routes import COMPANY_SCOPES
from trunkline_portal.oidc.settings import Oidc
from trunkline_portal.settings import Settings

PAGES = Path(__file__).parents[3] / "docs" / "how-to"
PAGE = PAGES / "embed-the-portal.md"
SINGLE_SIGN_ON = PAGES / "sign-in-with-your-identity-provider.md"


def test_every_setting_is_on_the_page_with_its_default():
    rows = re.findall(r"^\| `portal\.(\w+)` \| (\S+) \|", PAGE.read_text(), re.MULTILINE)
    defaults = {name: field.default or "none" for name, field in Settings.model_fields.items()}
    assert dict(rows) == {name: f"{default}" for name, default in defaults.items()}


def test_every_setting_of_the_provider_is_on_its_page_with_its_default():
    row = r"^\| `portal\.oidc\.(\w+)` \| (.+?) \|"
    rows = dict(re.findall(row, SINGLE_SIGN_ON.read_text(), re.MULTILINE))
    assert rows.pop("customer_scopes") == "all of a company's but `admin`"
    others = tuple(one for one in COMPANY_SCOPES if one != "admin")
    assert Oidc.model_fields["customer_scopes"].default == others
    defaults = {name: field for name, field in Oidc.model_fields.items() if name != "customer_scopes"}
    assert rows == {name: _written(field) for name, field in defaults.items()}


def _written(field) -> str:
    if field.is_required():
        return "to be set"
    return ", ".join(field.default) if isinstance(field.default, tuple) else str(field.default or "none")


A = "https://a.example"


@pytest.mark.parametrize(
    "origin", ["*", "'none'", "app.example.com", f"{A} https://b.example", f"{A}; script-src *", f"{A}/x"]
)
def test_only_origins_may_frame_the_portal(origin):
    with pytest.raises(ValidationError, match="is neither an origin"):
        Settings(frame_ancestors=(origin,))


@pytest.mark.parametrize(
    "origin", ["https://app.example.com", "http://127.0.0.1:3000", "https://*.example.com", "'self'"]
)
def test_origins_may(origin):
    assert Settings(frame_ancestors=(origin,)).frame_ancestors == (origin,)
