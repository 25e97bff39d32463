"""Replaces and shows the signing secrets of subscriptions."""

from typing import Any

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.errors import BodyInvalid, Conflict, SettingsInvalid, StoreUnavailable
from trunkline.model.subscriptions import MAX_SECRETS, Secret, Subscription
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.runtime.clock import now_ms
from trunkline.store import audit_log
from trunkline.store import subscriptions as store
from trunkline.store.database import Database
from trunkline.subscribing.checks import secret_faults
from trunkline.subscribing.finding import find_row
from trunkline.targets import signatures


class SecretRotation:
    """Replaces the signing secret of a subscription, and shows it."""

    def __init__(self, database: Database, *, records: SubscriptionRecords) -> None:
        self._database = database
        self._records = records

    async def rotate_secret(
        self,
        company_id: int,
        subscription_id: str,
        *,
        channel: str | None,
        overlap_seconds: int,
        secret: str | None = None,
    ) -> dict[str, Any]:
        """Set a new secret (``contract.Subscriptions``). Secrets and headers that cannot be decrypted are lost. Raises Conflict."""
        now = now_ms()
        async with self._database.write() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel, to_change=True)
            before = self._records.open(row)
            if not before.is_readable:
                await self._require_keys()
            if secret is not None and (faults := secret_faults(secret, before.signature)):
                raise BodyInvalid(faults)
            fresh = Secret(secret or signatures.new_secret(before.signature))
            overlapping = before.overlapping_secrets(now, overlap_seconds) if before.is_readable else ()
            if len(overlapping) >= MAX_SECRETS:
                ends = min(old.expires_ms for old in overlapping if old.expires_ms is not None)
                msg = (
                    f"{MAX_SECRETS} secrets of this subscription sign already, the most that may at once: wait until the next overlap ends"
                    f" at {utc_text_of_ms(ends)}, or rotate with an overlap of 0, which ends every other secret."
                )
                raise Conflict(msg)
            sealed = self._records.seal(
                before.id, (fresh, *overlapping), before.headers, before.target_secrets
            )
            await store.update(connection, before.no, {"sealed": sealed})
        if before.signature == "ed25519":
            return {"public_key": signatures.public_key(fresh.text)}
        return {"secret": fresh.text}

    async def _require_keys(self) -> None:
        """Check that this process has the keys of the database, before a secret is replaced. Raises StoreUnavailable."""
        try:
            await self._records.require_keys()
        except SettingsInvalid as error:
            raise StoreUnavailable(str(error)) from None

    async def secrets(
        self, company_id: int, subscription_id: str, *, channel: str | None, reveal: bool = False
    ) -> list[dict[str, Any]]:
        """Show the secrets that sign at present, newest first (``contract.Subscriptions.secrets``). Raises NotFound."""
        transaction = self._database.write if reveal else self._database.read
        async with transaction() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel)
            if reveal:
                audit_log.note("secret.revealed", subscription_id, company_id=company_id)
        subscription, now = self._records.open(row), now_ms()
        return [
            {"secret": _shown(subscription, each, reveal=reveal), "expires_utc": utc_or_none(each.expires_ms)}
            for each in subscription.secrets
            if each.expires_ms is None or each.expires_ms > now
        ]


def _shown(subscription: Subscription, secret: Secret, *, reveal: bool) -> str:
    """Show a secret, masked unless *reveal* is set; for a key pair, show the public key."""
    if subscription.signature == "ed25519":
        return signatures.public_key(secret.text)
    return secret.text if reveal else f"{secret.text.partition('_')[0]}_••••{secret.text[-4:]}"
