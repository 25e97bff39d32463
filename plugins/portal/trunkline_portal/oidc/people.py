"""Map a user of the provider to a person of the hub: pure decisions over claims."""

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from trunkline.routes import find_claim, read_company
from trunkline_portal.oidc.settings import Oidc

PREFIX = "pusr_"
"""Prefix of users' ids (keys have ``key_``)."""
MAX_NAME = 100
MAX_GROUPS = 1_000
_NAMES = ("email", "preferred_username", "name", "sub")


class Person(Struct, frozen=True):
    """A user, read from claims. *company* is an id or a reference; None for an operator, or if the claims name none."""

    id: str
    name: str
    company: int | str | None
    scopes: tuple[str, ...]

    @property
    def is_operator(self) -> bool:
        """Return True if the user's group makes them an operator."""
        return self.scopes == ("operator",)


def person_of(claims: Mapping[str, Any], settings: Oidc) -> Person:
    """Read the person from claims: an operator by group, or a member of the claimed company."""
    who = f"{settings.issuer}|{claims['sub']}"
    user_id = f"{PREFIX}{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    name = next(str(claims[one]) for one in _NAMES if claims.get(one))[:MAX_NAME]
    listed = find_claim(claims, settings.groups_claim)
    if not isinstance(listed, list):
        listed = [listed]
    groups = {group for group in listed[:MAX_GROUPS] if isinstance(group, str)}
    if settings.operators_group in groups:
        return Person(user_id, name, None, ("operator",))
    more = ("admin",) if settings.admins_group in groups else ()
    scopes = tuple(dict.fromkeys((*settings.customer_scopes, *more)))
    company = read_company(find_claim(claims, settings.company_claim), kind=settings.company_claim_is)
    return Person(user_id, name, company, scopes)


def says_who(claims: Mapping[str, Any], settings: Oidc) -> bool:
    """Return True if *claims* has at least one of the claims that the settings name for the company and the groups."""
    return any(
        find_claim(claims, claim) is not None for claim in (settings.company_claim, settings.groups_claim)
    )
