"""Creates subscriptions: simultaneous requests of several companies share one transaction.

A transaction that creates a subscription raises the routing version, and locks it and the head of the log. Until the
transaction is committed, no other subscription can be created and no event accepted. So one transaction creates up to
``AT_ONCE`` subscriptions, one per company; further requests of a company wait for the next transaction.
"""

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Self

from msgspec import Struct, field

from trunkline.access.company_limits import CompanyLimits, Quotas
from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.errors import Refused, StoreUnavailable, TooManySubscriptions
from trunkline.model.environments import other_environment
from trunkline.model.health import NO_FIGURES
from trunkline.model.subscriptions import DISCONNECTED, GONE, Secret, Status, Subscription
from trunkline.runtime import callers
from trunkline.runtime.batching import Batcher
from trunkline.store import audit_log, conditions, health, new_subscriptions, sql
from trunkline.store import subscriptions as store
from trunkline.store.audit_log import Origin
from trunkline.store.connection import Connection
from trunkline.store.database import Database
from trunkline.subscribing import declared, options
from trunkline.subscribing.apart import check_apart
from trunkline.subscribing.catching_up import CatchUp
from trunkline.subscribing.changes import SubscriptionChanges, path_of_target
from trunkline.subscribing.filter_costs import check_filter_cost
from trunkline.subscribing.requests import Checker, Start, read_start
from trunkline.subscribing.views import NEW_CONDITION, show_condition, view
from trunkline.targets import signatures

AT_ONCE = 32
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class _Wanted(Struct, frozen=True):
    """A requested subscription: its columns, and the request that they were computed from."""

    company_id: int
    columns: Mapping[str, Any]
    request: Mapping[str, Any]
    start: Start | None
    quotas: Quotas
    is_repeatable: bool
    """Whether an existing equal subscription may be returned instead."""
    origin: Origin = field(default_factory=audit_log.origin)

    @property
    def company(self) -> int:
        """The company number, in either environment."""
        return abs(self.company_id)


class _NothingMade(Exception):
    """Raised if a batch created no subscription, to roll the routing version back."""


_Done = tuple[Subscription, bool]
"""A subscription, and whether it is new."""


class SubscriptionCreation:
    """Creates subscriptions; *limits* has the limit per company. Enter it to start; leaving it finishes queued requests."""

    def __init__(
        self,
        database: Database,
        *,
        records: SubscriptionRecords,
        checker: Checker,
        catch_up: CatchUp,
        changes: SubscriptionChanges,
        limits: CompanyLimits,
    ) -> None:
        self._database = database
        self._records = records
        self._checker = checker
        self._catch_up = catch_up
        self._changes = changes
        self._limits = limits
        self._batcher: Batcher[_Wanted, _Done] = Batcher(
            self._make, max_batch=AT_ONCE, apart=lambda wanted: wanted.company
        )

    async def __aenter__(self) -> Self:
        await self._batcher.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._batcher.__aexit__(*details)

    async def create(self, company_id: int, request: Mapping[str, Any], *, channel: str) -> dict[str, Any]:
        """Create a subscription, and show it with its secret. Raises BodyInvalid, TargetRefused, TooManySubscriptions."""
        return (await self._create(company_id, request, channel=channel, is_repeatable=False))[0]

    async def subscribe(
        self, company_id: int, request: Mapping[str, Any], *, channel: str
    ) -> tuple[dict[str, Any], bool]:
        """Create a subscription, or find an equal one (``contract.Subscriptions``)."""
        members, is_new = await self._create(company_id, request, channel=channel, is_repeatable=True)
        if members["status"] == Status.DISABLED:
            members |= await self._changes.update(
                company_id, members["id"], {"status": Status.ACTIVE}, channel=channel
            )
        return members, is_new

    async def prepare(
        self, company_id: int, request: Mapping[str, Any], *, channel: str
    ) -> tuple[dict[str, Any], list[str]]:
        """Check a request, and return the new columns and warnings about the target. Raises BodyInvalid, TargetRefused."""
        self._checker.check_creation(request, channel=channel)
        names = list(dict.fromkeys(request["event_types"]))
        pins = self._checker.pins_for(names, chosen=request.get("versions"))
        self._checker.check_conditions(request.get("filter"), names, pins, ordering=request.get("ordering"))
        identifier = "sub_" + "".join(secrets.choice(_ALPHABET) for _ in range(20))
        registered = self._checker.channel(channel)
        columns = options.columns_of_creation(request, self._checker.options_of(registered))
        target = declared.of_creation(registered, request)
        secret = request.get("secret") or signatures.new_secret(columns["signature"])
        headers, target_secrets = request.get("headers") or {}, target.secrets if target else {}
        made: dict[str, Any] = {
            "company_id": company_id,
            "channel": channel,
            **callers.makers_columns(),
            "id": identifier,
            **columns,
            **(target.columns if target else {}),
            "sealed": self._records.seal(identifier, (Secret(secret),), headers, target_secrets),
            "status": Status.ACTIVE,
            "pins": sql.json_or_none(pins),
        }
        read_start(request.get("start"))
        return made, await self._checker.check_name(
            made["target_url"], company_id=company_id, path=path_of_target(request)
        )

    async def _create(
        self, company_id: int, request: Mapping[str, Any], *, channel: str, is_repeatable: bool
    ) -> tuple[dict[str, Any], bool]:
        columns, warnings = await self.prepare(company_id, request, channel=channel)
        start = read_start(request.get("start"))
        quotas = await self._limits.of(company_id)
        wanted = _Wanted(company_id, columns, request, start, quotas, is_repeatable)
        subscription, is_new = await self._batcher.submit(wanted)
        shown = view(subscription, checker=self._checker, with_secret=True, warnings=warnings)
        if is_new:
            self._changes.announce(subscription)
            return shown | NEW_CONDITION, True
        async with self._database.read() as connection:
            row = await store.get(connection, subscription.id)
            figures = await health.figures(connection, [subscription.no])
        condition = show_condition(row, figures.get(row.no, NO_FIGURES)) if row else NEW_CONDITION
        return shown | condition, False

    async def _make(self, batch: Sequence[_Wanted]) -> Sequence[_Done | Exception]:
        """Create a *batch* of subscriptions together. If that raises an unexpected error, create each separately."""
        try:
            return await self._make_together(batch)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - passed on to its caller
            if len(batch) == 1:
                return [error]
            return [answer for wanted in batch for answer in await self._make([wanted])]

    async def _make_together(self, batch: Sequence[_Wanted]) -> Sequence[_Done | Exception]:
        answers: dict[int, _Done | Exception] = {}
        with contextlib.suppress(_NothingMade):
            async with self._database.write() as connection:
                version = await store.next_version(connection)  # from here on nobody else adds a subscription
                company_ids = [wanted.company_id for wanted in batch]
                counts = await new_subscriptions.counts(connection, company_ids)
                others = [other_environment(each) for each in company_ids]
                targets = await store.targets_of_companies(connection, others)
                for wanted in batch:
                    try:
                        if same := await self._judge(connection, wanted, counts, targets):
                            answers[wanted.company] = same, False
                    except Refused as error:
                        answers[wanted.company] = error
                fresh = [wanted for wanted in batch if wanted.company not in answers]
                if not fresh:
                    raise _NothingMade
                columns, origins = [wanted.columns for wanted in fresh], [wanted.origin for wanted in fresh]
                rows = await new_subscriptions.insert(connection, columns, version=version, by=origins)
                for wanted, row in zip(fresh, rows, strict=True):
                    made = self._records.open(row)
                    if wanted.start is not None:
                        await self._catch_up.begin_at(connection, made, wanted.start)
                    answers[wanted.company] = made, True
        return [answers[wanted.company] for wanted in batch]

    async def _judge(
        self,
        connection: Connection,
        wanted: _Wanted,
        counts: Mapping[int, int],
        targets: Mapping[int, Sequence[str]],
    ) -> Subscription | None:
        """Return an existing subscription equal to *wanted*, or None if *wanted* may be created. Raises Refused."""
        company_id, quotas = wanted.company_id, wanted.quotas
        if wanted.is_repeatable and (same := await self._find_same(connection, wanted)):
            return same
        count, allowed = counts.get(company_id, 0), quotas.subscriptions
        if count >= allowed:
            raise TooManySubscriptions(allowed)
        await conditions.tell_limit(connection, "subscriptions", company_id, used=count + 1, allowed=allowed)
        url, path = wanted.columns["target_url"], path_of_target(wanted.request)
        check_apart(company_id, url, targets, path=path)
        await check_filter_cost(
            connection, company_id, wanted.request.get("filter"), limit=quotas.filter_cost
        )
        if wanted.start is not None:
            await self._catch_up.check_start(connection, company_id, wanted.start)
        return None

    async def _find_same(self, connection: Connection, wanted: _Wanted) -> Subscription | None:
        """Find the oldest equal subscription that neither its target nor its maker has ended."""
        request, columns = wanted.request, wanted.columns
        rows = await store.of_company(
            connection, wanted.company_id, channel=columns["channel"], target_url=columns["target_url"]
        )
        size = len(columns["filter"] or "")
        for row in rows:
            if len(row.filter or "") != size:
                continue
            subscription = self._records.open(row)
            is_same = (
                subscription.is_readable
                and set(subscription.event_types) == set(request["event_types"])
                and subscription.filter == request.get("filter")
                and self._reads(subscription, request.get("versions") or {})
                and subscription.disabled_reason not in {GONE, DISCONNECTED}
            )
            if is_same:
                return subscription
        return None

    def _reads(self, subscription: Subscription, versions: Mapping[str, int]) -> bool:
        current = self._checker.shown_versions(subscription.event_types, subscription.pins)
        return all(current.get(name, version) == version for name, version in versions.items())
