"""Reads an issuer's claims about a user in the hub's terms: company, environment and scopes. Pure functions of claims."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from trunkline.errors import Unauthenticated
from trunkline.model.companies import is_reference, read_name
from trunkline.model.environments import ENVIRONMENTS, LIVE
from trunkline.model.principals import COMPANY_SCOPES

_SCOPE_CLAIMS = ("scope", "scp", "permissions")
"""The claims of RFC 9068, of Entra ID and Okta, and of Auth0."""
_NOT_OF_ACCESS_TOKENS = ("events", "at_hash", "c_hash")
"""Claims of logout tokens (OpenID Connect Back-Channel Logout, 2.4) and of ID tokens (OpenID Connect Core, 3.1.3.6, 3.3.2.11)."""


def find_claim(claims: Mapping[str, Any], name: str, *, absent: Any = None) -> Any:
    """Find a claim by its name, which may be a URL. If there is no such claim, read *name* as names joined by dots."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part, absent) if isinstance(found, Mapping) else absent
    return found


def read_company(value: Any, *, kind: Literal["reference", "id"] = "reference") -> int | str | None:
    """Read a claim that holds a company's reference or id, depending on *kind*; None if the claim has another form."""
    text = str(value) if isinstance(value := _only(value), int | str) and not isinstance(value, bool) else ""
    if kind == "reference":
        return text if is_reference(text) else None
    named = read_name(text)
    return named if isinstance(named, int) else None


def read_environment(claims: Mapping[str, Any], name: str) -> str:
    """Read the environment in the claim *name*; it is ``live`` if the claim is missing.

    Raises Unauthenticated if the environment is unknown.
    """
    value = _only(find_claim(claims, name, absent=LIVE))
    if value not in ENVIRONMENTS:
        msg = f"The claim '{name}' of this access token must be 'live' or 'test' if it is there, not {value!r:.60}."
        raise Unauthenticated(msg)
    return str(value)


def is_access_token(claims: Mapping[str, Any]) -> bool:
    """Return whether *claims* belong to an access token, for a token whose header does not say so.

    An access token has scopes; ID tokens and logout tokens have none. Keycloak names the kind of token in ``typ``, and has
    ``nonce`` in access tokens too.
    """
    if claims.keys().isdisjoint(_SCOPE_CLAIMS) or not claims.keys().isdisjoint(_NOT_OF_ACCESS_TOKENS):
        return False
    return str(claims["typ"]).lower() == "bearer" if "typ" in claims else "nonce" not in claims


def read_scopes(claims: Mapping[str, Any], meanings: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Read a company's scopes: scopes with the hub's names, and those to which *meanings* maps the issuer's names."""
    named = (name for claim in _SCOPE_CLAIMS for name in _names(claims.get(claim)))
    ours = (scope for name in named for scope in meanings.get(name, (name,)))
    return frozenset(scope for scope in ours if scope in COMPANY_SCOPES)


def _only(value: Any) -> Any:
    """Return the member of a list of one member; return any other value unchanged.

    Issuers send attributes that may have several values as lists.
    """
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return value.split()
    return (name for name in value if isinstance(name, str)) if isinstance(value, list) else ()
