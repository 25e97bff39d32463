"""Subscriptions that their holder renews: created, renewed and listed under names that the channel chooses (``contract.Terms``)."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline.access.company_limits import CompanyLimits
from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.contract import Held, Renewed, Terms
from trunkline.errors import LimitReached, TooManySubscriptions
from trunkline.model.subscriptions import ENDED, FAILING, MAX_SECRETS, Secret, Status, Subscription
from trunkline.runtime import faults
from trunkline.store import new_subscriptions, sql
from trunkline.store import subscriptions as store
from trunkline.store.clock import ClockGuard
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.store.subscriptions import Row
from trunkline.subscribing.catching_up import CatchUp
from trunkline.subscribing.changes import SubscriptionChanges
from trunkline.subscribing.creating import SubscriptionCreation
from trunkline.subscribing.filter_costs import check_filter_cost
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.requests import read_start

LAPSED_KEPT = 20
"""The number of lapsed subscriptions of a company that are kept, to explain missing deliveries."""


class Renewals(Struct, frozen=True):
    """Creates and renews subscriptions that expire unless their holder renews them.

    *creation* checks requests, *changes* resumes disabled subscriptions.
    """

    database: Database
    records: SubscriptionRecords
    creation: SubscriptionCreation
    changes: SubscriptionChanges
    catch_up: CatchUp
    finder: SubscriptionFinder
    limits: CompanyLimits
    clock: ClockGuard

    async def check(self, company_id: int, request: Mapping[str, Any], *, channel: str, terms: Terms) -> None:
        """Check a request without creating a subscription (``contract.HeldSubscriptions``)."""
        await self.creation.prepare(company_id, request, channel=channel)
        limit = (await self.limits.of(company_id)).subscriptions
        async with self.database.read() as connection:
            row = await store.by_name(connection, company_id, channel=channel, name=terms.name)
            now_ms = await sql.clock_ms(connection)
            if row is None or not self._goes_on(self.records.open(row), now_ms):
                await _check_room(connection, company_id, terms, limit=limit)

    async def held(self, company_id: int, *, channel: str, target_url: str | None = None) -> Sequence[Held]:
        """List the subscriptions of a company that a holder renews, oldest first."""
        async with self.database.read() as connection:
            rows = await store.of_company(connection, company_id, channel=channel, target_url=target_url)
            now_ms = await sql.clock_ms(connection)
        subscriptions = [self.records.open(row) for row in rows if "name" in row.options]
        return [
            Held(
                subscription_id=each.id,
                name=each.name or "",
                holder=each.holder or "",
                target_url=each.target_url,
                status=each.status,
                notes=each.notes or {},
                expires_ms=each.expires_ms,
                has_lapsed=not self._goes_on(each, now_ms),
            )
            for each in subscriptions
        ]

    async def renew(
        self, company_id: int, request: Mapping[str, Any], *, channel: str, terms: Terms
    ) -> Renewed:
        """Create or renew a subscription (``contract.HeldSubscriptions``)."""
        values, _ = await self.creation.prepare(company_id, request, channel=channel)
        done = None
        while done is None:
            done = await self._renew(values, request, terms)
        row, is_new, is_truncated = done
        faults.point("renew.after_commit")
        if row.status == Status.DISABLED:
            await self.changes.update(company_id, row.id, {"status": Status.ACTIVE}, channel=channel)
            async with self.database.write() as connection:
                gap = (await store.by_number(connection, row.no)).options.get("gap_position")
                if gap is not None:  # events are lost: the caller is told, and only once
                    await store.forget_gap(connection, row.no, position=gap)
            is_truncated = is_truncated or gap is not None
        self.changes.announce(row)
        view = await self.finder.get(company_id, row.id, channel=channel)
        failed_since_ms = row.failing_since_ms if row.disabled_reason == FAILING else None
        return Renewed(view, is_new, is_truncated, failed_since_ms)

    def _goes_on(self, subscription: Subscription, now_ms: int) -> bool:
        """Return True if a subscription has neither ended nor lapsed. While the clock is not trusted, none lapses."""
        aged_ms = now_ms if self.clock.is_trusted else 0
        return subscription.disabled_reason not in ENDED and not subscription.lapses_by(aged_ms)

    async def _renew(
        self, values: Mapping[str, Any], request: Mapping[str, Any], terms: Terms
    ) -> tuple[Row, bool, bool] | None:
        """Create or renew a subscription in one transaction; None if another process created one of this name meanwhile."""
        company_id, channel = values["company_id"], values["channel"]
        quotas = await self.limits.of(company_id)
        async with self.database.write() as connection:
            row = await store.by_name(
                connection, company_id, channel=channel, name=terms.name, to_change=True
            )
            version = await store.next_version(connection)  # from here on nobody else adds a subscription
            if row is None and await store.by_name(connection, company_id, channel=channel, name=terms.name):
                return None
            now_ms = await sql.clock_ms(connection)
            before = None if row is None else self.records.open(row)
            if before is not None and self._goes_on(before, now_ms):
                columns = self._renewed_columns(before, request, terms, now_ms)
                row = await store.update(connection, before.no, columns)
                done = row, False, before.gap_position is not None
            else:
                if row is not None:
                    await self.changes.end(connection, row)
                await _check_room(connection, company_id, terms, limit=quotas.subscriptions)
                for old in await store.lapsed_of_company(connection, company_id, beyond=LAPSED_KEPT):
                    await self.changes.end(connection, old)
                await check_filter_cost(
                    connection, company_id, request.get("filter"), limit=quotas.filter_cost
                )
                columns = {**values, **_columns_of(terms, now_ms)}
                (row,) = await new_subscriptions.insert(connection, [columns], version=version)
                start, is_truncated = read_start(request.get("start")), False
                if start is not None:
                    is_truncated = await self.catch_up.begin_within(
                        connection, self.records.open(row), start, oldest_ms=terms.oldest_ms
                    )
                done = row, True, is_truncated
            faults.point("renew.before_commit")
        return done

    def _renewed_columns(
        self, before: Subscription, request: Mapping[str, Any], terms: Terms, now_ms: int
    ) -> dict[str, Any]:
        secret = request.get("secret")
        secrets = before.secrets
        if secret is not None and (not secrets or secrets[0].text != secret):
            older = before.overlapping_secrets(now_ms, terms.overlap_seconds) if secrets else ()
            others = [old for old in older if old.text != secret]
            secrets = (Secret(secret), *others)[:MAX_SECRETS]
        sealed = self.records.seal(before.id, secrets, before.headers, before.target_secrets)
        return {"sealed": sealed, "gap_position": None, **_columns_of(terms, now_ms)}


async def _check_room(connection: Connection, company_id: int, terms: Terms, *, limit: int) -> None:
    """Check that the company and the holder may have one more subscription. Raises LimitReached."""
    if await new_subscriptions.count(connection, company_id) >= limit:
        raise TooManySubscriptions(limit)
    most = terms.most_of_holder
    if (
        most is not None
        and await new_subscriptions.count(connection, company_id, holder=terms.holder) >= most
    ):
        things, remedy = "subscriptions of this holder", "end one first"
        raise LimitReached("subscriptions_of_holder", most, things=things, remedy=remedy)


def _columns_of(terms: Terms, now_ms: int) -> dict[str, Any]:
    lasts = terms.lasts_seconds
    return {
        "name": terms.name,
        "holder": terms.holder,
        "notes": dict(terms.notes),
        "expires_ms": None if lasts is None else now_ms + int(lasts * 1000),
    }
