"""What an issuer claims of somebody, read as it means here: pure decisions over claims."""

from collections.abc import Iterable, Mapping
from typing import Any

from trunkline.model.companies import read_name
from trunkline.model.principals import COMPANY_SCOPES

_SCOPE_CLAIMS = ("scope", "scp", "permissions")
"""RFC 9068; Entra ID and Okta; Auth0."""
_MAX_COMPANY_ID = 2**63 - 1


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """Find a claim by its whole name, which may be a URL, or else by a path of names with dots between them; None for none."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def read_company(value: Any) -> int | str | None:
    """Read a company's number or reference; digits in a text are a number. None for what names no company."""
    if isinstance(value, list) and len(value) == 1:  # an attribute that may have several values
        value = value[0]
    if isinstance(value, str):
        value = read_name(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return value if isinstance(value, str) or 0 < value <= _MAX_COMPANY_ID else None


def read_scopes(claims: Mapping[str, Any], meanings: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Read a company's scopes: those that are named like ours, and those that *meanings* gives for a name of the issuer's."""
    named = (name for claim in _SCOPE_CLAIMS for name in _names(claims.get(claim)))
    ours = (scope for name in named for scope in meanings.get(name, (name,)))
    return frozenset(scope for scope in ours if scope in COMPANY_SCOPES)


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return value.split()
    return (name for name in value if isinstance(name, str)) if isinstance(value, list) else ()
