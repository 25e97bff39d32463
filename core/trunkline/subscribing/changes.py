"""Changing and deleting subscriptions, and replacing and showing their signing secrets."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from trunkline.access.company_limits import CompanyLimits
from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.contract import ChangedSubscription
from trunkline.errors import BodyInvalid, Conflict, SettingsInvalid, StoreUnavailable
from trunkline.model.environments import other_environment
from trunkline.model.etags import check_match
from trunkline.model.event_groups import takes_type, types_among
from trunkline.model.health import NO_FIGURES
from trunkline.model.subscriptions import DISCONNECTED, LAPSED, MAX_SECRETS, Secret, Status, Subscription
from trunkline.model.times import utc_or_none, utc_text_of_ms
from trunkline.plugins import Notifier
from trunkline.runtime import callers
from trunkline.runtime.clock import now_ms
from trunkline.store import audit_log, health, open_deliveries, releasing, sql, streaks
from trunkline.store import replays as replay_store
from trunkline.store import subscriptions as store
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.open_deliveries import Change
from trunkline.store.subscriptions import Row
from trunkline.subscribing import declared, options
from trunkline.subscribing.apart import check_apart
from trunkline.subscribing.catching_up import CatchUp
from trunkline.subscribing.checks import check_headers_given, require_readable, secret_faults
from trunkline.subscribing.filter_costs import check_filter_cost
from trunkline.subscribing.finding import find_row
from trunkline.subscribing.named import takes_urls
from trunkline.subscribing.requests import Checker
from trunkline.subscribing.views import show_condition, view
from trunkline.targets import signatures

_LAPSED = "This subscription has lapsed: it begins again when whoever holds it subscribes again."
_TARGET = frozenset({"target", "target_url"})
_NEEDS_SECRETS = _TARGET | {"status", "headers"}
_DEPENDENT = frozenset({"event_types", "filter", "versions", "ordering"})
"""Options that are checked together: filter and order key depend on the chosen event types and their versions."""


class SubscriptionChanges(Struct, frozen=True):
    """Changes and deletes subscriptions. *limits* has the limit of the filter costs of a company."""

    database: Database
    records: SubscriptionRecords
    checker: Checker
    catch_up: CatchUp
    notifier: Notifier
    limits: CompanyLimits

    async def update(
        self,
        company_id: int,
        subscription_id: str,
        changes: Mapping[str, Any],
        *,
        channel: str | None,
        if_match: str | None = None,
    ) -> dict[str, Any]:
        """Change options, and show the subscription. Raises NotFound, BodyInvalid, TargetRefused, PreconditionFailed."""
        channel = channel or await self._edited_as(company_id, subscription_id)
        self.checker.check_change(changes, channel=channel)
        warnings = await self._check_new_target(company_id, subscription_id, changes, channel=channel)
        quotas = await self.limits.of(company_id)
        async with self.database.write() as connection:
            before = self.records.open(
                await find_row(connection, company_id, subscription_id, channel=channel, to_change=True)
            )
            if if_match is not None:
                check_match(if_match, view(before, checker=self.checker))
            if before.disabled_reason == LAPSED:
                raise Conflict(_LAPSED)
            columns = self._columns(before, changes)
            if before.disabled_reason == DISCONNECTED or not _TARGET.isdisjoint(changes):
                columns |= callers.makers_columns()
            if changes.get("filter"):
                await store.next_version(connection)  # from here on nobody else adds a filter
                await check_filter_cost(
                    connection, company_id, changes["filter"], limit=quotas.filter_cost, instead_of=before
                )
            if "status" in changes and changes["status"] != before.status:
                columns |= await self._switch(connection, before, changes["status"])
            resumes = "status" in columns and columns["status"] == Status.ACTIVE
            row = await store.update(connection, before.no, columns, from_head=resumes)
            if row.target_url != before.target_url:
                others = await store.targets_of_companies(connection, [other_environment(company_id)])
                check_apart(company_id, row.target_url, others, path=path_of_target(changes))
            if before.ordering is not None and changes.get("ordering", before.ordering) is None:
                await releasing.release(connection, row.no)
            if row.status != before.status:
                change = Change.WAKE if row.status == Status.ACTIVE else Change.PARK
                await open_deliveries.apply(connection, row.no, change)
            if resumes:
                row = await self._resume(connection, before, row, catch_up=changes.get("catch_up", True))
            figures = await health.figures(connection, [row.no])
        self.announce(row)
        shown = view(self.records.open(row), checker=self.checker, warnings=warnings)
        return shown | show_condition(row, figures.get(row.no, NO_FIGURES))

    async def delete(
        self, company_id: int, subscription_id: str, *, channel: str | None, if_match: str | None = None
    ) -> None:
        """Delete a subscription; its open deliveries end as ``gone``. Raises NotFound, PreconditionFailed."""
        async with self.database.write() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel, to_change=True)
            if if_match is not None:
                check_match(if_match, view(self.records.open(row), checker=self.checker))
            row = await self.end(connection, row)
        self.announce(row)

    async def end(self, connection: Connection, row: Row) -> Row:
        """Delete a subscription in a transaction, with its secrets and name; ``delete`` also notifies the plugins."""
        sealed = self.records.seal(row.id, (), {})
        columns = {"status": Status.DELETED, "sealed": sealed, "name": None}
        ended = await store.update(connection, row.no, columns)
        await open_deliveries.apply(connection, row.no, Change.END)
        await replay_store.end_of_subscription(connection, row.no, "cancelled")
        return ended

    async def disconnect(self, company_id: int | None, *, maker_id: str) -> int:
        """Disable the subscriptions that *maker_id* made, for one company or (None) for all. Returns the number disabled."""
        changed: list[Row] = []
        async with self.database.write() as connection:
            for row in await store.made_by(connection, maker_id, company_id=company_id):
                position = await self.catch_up.resume_position(connection, self.records.open(row))
                columns = {
                    "status": Status.DISABLED,
                    "disabled_reason": DISCONNECTED,
                    "disabled_ms": await sql.clock_ms(connection),
                    "resume_position": position,
                }
                changed.append(await store.update(connection, row.no, columns))
            await streaks.tell_disabled(connection, changed)
            await open_deliveries.apply_to_all(connection, [row.no for row in changed], Change.PARK)
        for row in changed:
            self.announce(row)
        return len(changed)

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
        async with self.database.write() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel, to_change=True)
            before = self.records.open(row)
            if not before.is_readable:
                try:
                    await self.records.require_keys()
                except SettingsInvalid as error:
                    raise StoreUnavailable(str(error)) from None
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
            sealed = self.records.seal(
                before.id, (fresh, *overlapping), before.headers, before.target_secrets
            )
            await store.update(connection, before.no, {"sealed": sealed})
        if before.signature == "ed25519":
            return {"public_key": signatures.public_key(fresh.text)}
        return {"secret": fresh.text}

    async def secrets(
        self, company_id: int, subscription_id: str, *, channel: str | None, reveal: bool = False
    ) -> list[dict[str, Any]]:
        """Show the secrets that sign at present, newest first (``contract.Subscriptions.secrets``). Raises NotFound."""
        transaction = self.database.write if reveal else self.database.read
        async with transaction() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel)
            if reveal:
                audit_log.note("secret.revealed", subscription_id, company_id=company_id)
        subscription, now = self.records.open(row), now_ms()
        return [
            {"secret": _shown(subscription, each, reveal=reveal), "expires_utc": utc_or_none(each.expires_ms)}
            for each in subscription.secrets
            if each.expires_ms is None or each.expires_ms > now
        ]

    async def _check_new_target(
        self, company_id: int, subscription_id: str, changes: Mapping[str, Any], *, channel: str | None
    ) -> list[str]:
        """Return the warnings about a new target in *changes*. Raises NotFound, TargetRefused."""
        if _TARGET.isdisjoint(changes):
            return []
        async with self.database.read() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=channel)
        url = declared.url_of_change(self.checker.channel(row.channel), changes)
        if url is None or row.target_url == url:
            return []
        return await self.checker.check_name(url, company_id=company_id, path=path_of_target(changes))

    async def _edited_as(self, company_id: int, subscription_id: str) -> str | None:
        """Return the subscription's channel if all options may be changed: it declares targets or posts to URLs. Raises NotFound."""
        async with self.database.read() as connection:
            row = await find_row(connection, company_id, subscription_id, channel=None)
        registered = self.checker.channel(row.channel)
        is_open = registered is not None and (registered.target is not None or takes_urls(registered))
        return row.channel if is_open else None

    def _columns(self, before: Subscription, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the new column values. The filter is checked against the event types that it will apply to."""
        if not _NEEDS_SECRETS.isdisjoint(changes):
            require_readable(before)
        check_headers_given(before, changes)
        registered = self.checker.channel(before.channel)
        columns = options.columns_of_change(changes, self.checker.options_of(registered))
        if not _DEPENDENT.isdisjoint(changes):
            names = list(dict.fromkeys(changes.get("event_types", before.event_types)))
            every_name = self.checker.catalog.names()
            had = [name for name in types_among(names, every_name) if takes_type(before.event_types, name)]
            kept = {name: before.pins.get(name, 1) for name in had}
            chosen = {**before.pins, **kept, **(changes.get("versions") or {})}
            pins = self.checker.pins_for(names, chosen=chosen)
            source, ordering = (changes.get(name, getattr(before, name)) for name in ("filter", "ordering"))
            self.checker.check_conditions(source, names, pins, ordering=ordering)
            columns["pins"] = sql.json_or_none(pins)
        if "headers" in changes:
            columns["sealed"] = self.records.seal(before.id, before.secrets, changes["headers"] or {})
        if target := declared.of_change(registered, before, changes):
            sealed = self.records.seal(before.id, before.secrets, before.headers, target.secrets)
            columns |= {**target.columns, "sealed": sealed}
        return columns

    async def _resume(self, connection: Connection, before: Subscription, row: Row, *, catch_up: bool) -> Row:
        """Deliver the missed events. If a holder renews the subscription, record the gap so that the holder is informed."""
        gap = await self.catch_up.resume(connection, before, up_to=row.start_position, catch_up=catch_up)
        return row if gap is None else await store.update(connection, row.no, {"gap_position": gap})

    async def _switch(self, connection: Connection, before: Subscription, status: str) -> dict[str, Any]:
        """Compute the columns that change when the status becomes *status*."""
        columns = {"status": status, "disabled_reason": None, "disabled_ms": None}
        if status == Status.PAUSED:
            position = await self.catch_up.resume_position(connection, before)
            return columns | {"resume_position": position}
        return columns | {"resume_position": None, "failures": 0, "failing_since_ms": None}

    def announce(self, changed: Row | Subscription) -> None:
        """Notify the plugins that a subscription was created or changed."""
        if self.notifier.wants("subscription_changed"):
            self.notifier.subscription_changed(
                ChangedSubscription(changed.id, changed.company_id, changed.channel, changed.status)
            )


def path_of_target(request: Mapping[str, Any]) -> str:
    """Return the JSON pointer of the target in *request*."""
    return "/target" if "target" in request else "/target_url"


def _shown(subscription: Subscription, secret: Secret, *, reveal: bool) -> str:
    """Show a secret, masked unless *reveal* is set; for a key pair, show the public key."""
    if subscription.signature == "ed25519":
        return signatures.public_key(secret.text)
    return secret.text if reveal else f"{secret.text.partition('_')[0]}_••••{secret.text[-4:]}"
