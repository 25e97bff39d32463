"""Makes, lists and revokes API keys, and shows them as JSON without their secrets (``contract.ApiKeys``)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from trunkline.access.keys import KEY_ID_PREFIX, Keys
from trunkline.errors import Forbidden
from trunkline.model.environments import company_number, environment_member
from trunkline.model.principals import OPERATOR, Principal, show_maker
from trunkline.model.times import utc_or_none
from trunkline.runtime import callers
from trunkline.store.keys import KeyRecord


class KeyService:
    """Shows keys without their secrets. *find_other* finds a principal that is not a key, such as that of a token.

    *describe_end* lists the objects of plugins that end when a principal is revoked.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        find_other: Callable[[str], Awaitable[Principal | None]],
        describe_end: Callable[[str], Awaitable[Sequence[str]]],
    ) -> None:
        self._keys = keys
        self._find_other = find_other
        self.revoke, self.revoke_made_by = keys.revoke, keys.revoke_made_by
        self._describe_end = describe_end

    async def authenticate(self, api_key: str) -> Principal:
        """Find the principal of *api_key*. Raises Unauthenticated, or Forbidden if it may only emit events for every company."""
        principal = await self._keys.authenticate(api_key)
        if principal.only_emits:
            raise Forbidden.only_emits(OPERATOR)
        callers.act_for(principal, callers.OPERATORS)
        return principal

    async def principal(
        self, key_id: str, *, company_id: int | None = None, link_id: str | None = None
    ) -> Principal | None:
        """Find the principal of the key *key_id* (``contract.ApiKeys``), as which the call then acts; None if it may only emit."""
        is_key = key_id.startswith(KEY_ID_PREFIX)
        principal = await (self._keys.principal(key_id) if is_key else self._find_other(key_id))
        if principal is None or principal.only_emits:
            return None
        if link_id is not None:
            principal = replace(principal, link_id=link_id)
        callers.act_for(principal, company_id or callers.OPERATORS)
        return principal

    async def create(
        self,
        company_id: int | None,
        *,
        name: str,
        scopes: Sequence[str],
        expires_utc: str | None = None,
        networks: Sequence[str] = (),
    ) -> tuple[dict[str, Any], str]:
        """Make a key. Returns its view, and the key itself, which is never shown again. Raises BodyInvalid."""
        record, api_key = await self._keys.create(
            company_id, name=name, scopes=scopes, expires_utc=expires_utc, networks=networks
        )
        return view(record), api_key

    async def rotate(
        self, key_id: str, *, company_id: int | None, by: Principal, overlap_seconds: int
    ) -> tuple[dict[str, Any], str]:
        """Make a key's successor. Returns its view, and the new key itself. Raises NotFound, Forbidden, LimitReached."""
        record, api_key = await self._keys.rotate(
            key_id, company_id=company_id, by=by, overlap_seconds=overlap_seconds
        )
        return view(record), api_key

    async def list(self, company_id: int | None) -> list[dict[str, Any]]:
        """List a company's keys (0: operators' keys, None: all keys), oldest first, including revoked ones."""
        return [view(record) for record in await self._keys.list(company_id)]

    async def describe_end(self, key_id: str) -> Sequence[str]:
        """List the objects of plugins that end when a key is revoked."""
        return await self._describe_end(key_id)


def view(record: KeyRecord) -> dict[str, Any]:
    """Show a key."""
    return {
        "id": record.id,
        "company_id": record.company_id and company_number(record.company_id),
        **environment_member(record.company_id or 0),
        "name": record.name,
        "scopes": list(record.scopes),
        "last4": record.last4,
        "created_utc": utc_or_none(record.created_ms),
        "created_by": show_maker(record.created_by_kind, record.created_by),
        "last_used_utc": utc_or_none(record.last_used_ms),
        "revoked_utc": utc_or_none(record.revoked_ms),
        "expires_utc": utc_or_none(record.expires_ms),
        "allowed_networks": list(record.networks),
    }
