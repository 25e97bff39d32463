"""Who a user of the provider is here: pure decisions over claims."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trunkline_portal.addresses import MAX_COMPANY_ID
from trunkline_portal.oidc.settings import Oidc

PREFIX = "pusr_"
"""How the ids of users begin, where those of keys begin with ``key_``."""
MAX_NAME = 100
MAX_GROUPS = 1_000
MAX_DIGITS = 19
_NAMES = ("email", "preferred_username", "name", "sub")


@dataclass(frozen=True, slots=True)
class Person:
    """A user, as the claims have them. *company* is a number or a reference; None for an operator, or where none is named."""

    id: str
    name: str
    company: int | str | None
    scopes: tuple[str, ...]

    @property
    def is_operator(self) -> bool:
        """Tell whether the user's group makes an operator of them."""
        return self.scopes == ("operator",)


def person_of(claims: Mapping[str, Any], settings: Oidc) -> Person:
    """Tell who the claims are about: an operator by group, or somebody of the company that the claim names."""
    who = f"{settings.issuer}|{claims['sub']}"
    user_id = f"{PREFIX}{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    name = next(str(claims[one]) for one in _NAMES if claims.get(one))[:MAX_NAME]
    groups = _groups(find_claim(claims, settings.groups_claim))
    if settings.operators_group in groups:
        return Person(user_id, name, None, ("operator",))
    more = ("admin",) if settings.admins_group in groups else ()
    scopes = tuple(dict.fromkeys((*settings.customer_scopes, *more)))
    return Person(user_id, name, _company(find_claim(claims, settings.company_claim)), scopes)


def says_who(claims: Mapping[str, Any], settings: Oidc) -> bool:
    """Tell whether the claims hold what decides who a user is here."""
    return any(
        find_claim(claims, claim) is not None for claim in (settings.company_claim, settings.groups_claim)
    )


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """Find a claim by its whole name, which may be a URL, or else by a path of names with dots between them."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _groups(value: Any) -> frozenset[str]:
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(group for group in listed[:MAX_GROUPS] if isinstance(group, str))


def _company(value: Any) -> int | str | None:
    if (
        isinstance(value, list) and len(value) == 1
    ):  # as providers give an attribute that may have several values
        value = value[0]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 < value <= MAX_COMPANY_ID else None
    return value if isinstance(value, str) and value else None
