"""New signing secrets for subscriptions."""

from typing import Any

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.model.subscriptions import Secret
from trunkline.runtime.clock import now_ms
from trunkline.store import subscriptions as store
from trunkline.store.database import Database
from trunkline.subscribing.finding import find_row
from trunkline.targets import signatures


class SecretRotation:
    """Replaces the signing secret of a subscription."""

    def __init__(self, database: Database, *, records: SubscriptionRecords) -> None:
        self._database = database
        self._records = records

    async def rotate_secret(
        self, company_id: int, subscription_id: str, *, channel: str, overlap_seconds: int
    ) -> dict[str, Any]:
        """Give it a new secret; the one before signs beside it for *overlap_seconds*. Raises NotFound."""
        now = now_ms()
        async with self._database.write() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel, to_change=True)
            before = self._records.open(row)
            fresh = Secret(signatures.new_secret(before.signature))
            sealed = self._records.seal(
                before.id, (fresh, *before.overlapping_secrets(now, overlap_seconds)), before.headers
            )
            await store.update(connection, before.no, {"sealed": sealed})
        if before.signature == "ed25519":
            return {"public_key": signatures.public_key(fresh.text)}
        return {"secret": fresh.text}
