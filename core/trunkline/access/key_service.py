"""API keys as JSON without their secrets: made, listed and revoked (``contract.ApiKeys``)."""

from collections.abc import Sequence
from typing import Any

from trunkline.access.keys import Keys
from trunkline.model.principals import Principal
from trunkline.model.times import utc_or_none
from trunkline.store.keys import KeyRecord


class KeyService:
    """Shows keys without their secrets."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def authenticate(self, api_key: str) -> Principal:
        """Find the principal of *api_key*. Raises Unauthenticated."""
        return await self._keys.authenticate(api_key)

    async def principal(self, key_id: str) -> Principal | None:
        """Find the principal of the key *key_id*; None where there is none or it was revoked."""
        return await self._keys.principal(key_id)

    async def create(
        self, company_id: int | None, *, name: str, scopes: Sequence[str]
    ) -> tuple[dict[str, Any], str]:
        """Make a key and show it; beside it the key itself, for the only time. Raises BodyInvalid."""
        record, api_key = await self._keys.create(company_id, name=name, scopes=scopes)
        return view(record), api_key

    async def list(self, company_id: int | None) -> list[dict[str, Any]]:
        """List a company's keys, operators' for 0, everybody's for None; oldest first, revoked ones included."""
        return [view(record) for record in await self._keys.list(company_id)]

    async def revoke(self, key_id: str, *, company_id: int | None) -> None:
        """Revoke a key of a company, or of anyone for None, at once and for good. Raises NotFound."""
        await self._keys.revoke(key_id, company_id=company_id)


def view(record: KeyRecord) -> dict[str, Any]:
    """Show a key."""
    return {
        "id": record.id,
        "company_id": record.company_id,
        "name": record.name,
        "scopes": list(record.scopes),
        "last4": record.last4,
        "created_utc": utc_or_none(record.created_ms),
        "last_used_utc": utc_or_none(record.last_used_ms),
        "revoked_utc": utc_or_none(record.revoked_ms),
    }
