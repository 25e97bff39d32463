"""Subscriptions of every channel: made, shown, changed, rotated, tested, deleted.

A channel's plugin calls it with its own name as *channel*, and sees nothing of another channel's; the core's routes call it
with None and see all.
"""

import secrets as randomness
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.contract import ChangedSubscription, Channel, HttpClient
from trunkline.dispatch import replay
from trunkline.dispatch.replay import Range
from trunkline.dispatch.runner import GRACE_SECONDS
from trunkline.errors import BodyInvalid, FieldError, NotFound, TooManySubscriptions
from trunkline.model.events import shard_of
from trunkline.model.subscriptions import GONE, ID, Secret, Status, Subscription
from trunkline.plugins import Notifier
from trunkline.runtime.clock import now_ms
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.examples import example_draft
from trunkline.schemas.versions import Pins
from trunkline.store import deliveries as ledger
from trunkline.store import replays as replay_store
from trunkline.store import retention, sql, stream
from trunkline.store import shards as shard_store
from trunkline.store import subscriptions as store
from trunkline.store.database import Database
from trunkline.store.subscriptions import Row
from trunkline.store.wakeup import Signal
from trunkline.subscribing import trial
from trunkline.subscribing.requests import CREATABLE, EDITABLE, Checker, Start, read_start, unique
from trunkline.subscribing.views import view
from trunkline.targets import signatures

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class SubscriptionService:
    """The rules of subscriptions (``contract.Subscriptions``)."""

    def __init__(
        self,
        database: Database,
        *,
        records: SubscriptionRecords,
        catalog: SchemaCatalog,
        checker: Checker,
        channels: Callable[[], Mapping[str, Channel]],
        http: HttpClient,
        notifier: Notifier,
        max_subscriptions: int,
        replay_signal: Signal,
        shards: Callable[[], int],
        timeout_seconds: float = 10.0,
    ) -> None:
        self._database = database
        self._records = records
        self._catalog = catalog
        self._checker = checker
        self._channels = channels
        self._http = http
        self._notifier = notifier
        self._max = max_subscriptions
        self._replay_signal = replay_signal
        self._shards = shards
        self._timeout_seconds = timeout_seconds

    async def create(self, company_id: int, request: Mapping[str, Any], *, channel: str) -> dict[str, Any]:
        """Make a subscription and show it with its secret.

        Raises:
            BodyInvalid, TargetRefused: the request is not valid.
            TooManySubscriptions: the company has all it may have.
        """
        return (await self._create(company_id, request, channel=channel, is_repeatable=False))[0]

    async def subscribe(
        self, company_id: int, request: Mapping[str, Any], *, channel: str
    ) -> tuple[dict[str, Any], bool]:
        """Make a subscription, or find the one that asks for the same (``contract.Subscriptions``)."""
        shown, is_new = await self._create(company_id, request, channel=channel, is_repeatable=True)
        if shown["status"] == Status.DISABLED:
            again = await self.update(company_id, shown["id"], {"status": Status.ACTIVE}, channel=channel)
            shown |= again
        return shown, is_new

    async def _create(
        self, company_id: int, request: Mapping[str, Any], *, channel: str, is_repeatable: bool
    ) -> tuple[dict[str, Any], bool]:
        taker = self._channels().get(channel)
        self._checker.check(request, required=("target_url", "event_types"), known=CREATABLE, channel=taker)
        names = unique(request["event_types"])
        pins = self._checker.pins_for(names, chosen=request.get("versions"))
        self._checker.check_filter(request.get("filter"), names, pins)
        start = read_start(request.get("start"))
        scheme = request.get("signature") or "standard"
        secret = request.get("secret") or signatures.new_secret(scheme)
        identifier = "sub_" + "".join(randomness.choice(_ALPHABET) for _ in range(20))
        async with self._database.write() as connection:
            version = await store.next_version(connection)  # from here on nobody else adds one
            if is_repeatable and (
                found := await self._same(connection, company_id, request, channel=channel)
            ):
                return self._view(found, with_secret=True), False
            if await store.count(connection, company_id) >= self._max:
                raise TooManySubscriptions(self._max)
            row = await store.insert(
                connection,
                {
                    "id": identifier,
                    "company_id": company_id,
                    "channel": channel,
                    "target_url": request["target_url"],
                    "event_types": orjson.dumps(names).decode(),
                    "filter": _json_or_none(request.get("filter")),
                    "description": request.get("description"),
                    "signature": scheme,
                    "sealed": self._records.seal(identifier, (Secret(secret),), request.get("headers") or {}),
                    "status": Status.ACTIVE,
                    "pins": sql.json_or_none(pins),
                },
                version=version,
            )
            subscription = self._records.open(row)
            if start is not None:
                await self._start_earlier(connection, subscription, start)
        self._tell(row)
        return self._view(subscription, with_secret=True), True

    async def list(
        self, company_id: int, *, channel: str | None, target_url: str | None = None
    ) -> list[dict[str, Any]]:
        """Show a company's subscriptions, oldest first."""
        async with self._database.read() as connection:
            rows = await store.of_company(connection, company_id, channel=channel, target_url=target_url)
        return [self._view(self._records.open(row)) for row in rows]

    async def get(self, company_id: int, subscription_id: str, *, channel: str | None) -> dict[str, Any]:
        """Show one. Raises NotFound."""
        return self._view(await self.find(company_id, subscription_id, channel=channel))

    async def find(self, company_id: int, subscription_id: str, *, channel: str | None) -> Subscription:
        """Read one. Raises NotFound."""
        async with self._database.read() as connection:
            return self._records.open(
                await _find(connection, company_id, subscription_id, channel, to_change=False)
            )

    async def of_company(self, company_id: int) -> Sequence[Subscription]:
        """Read all of a company's."""
        async with self._database.read() as connection:
            return [self._records.open(row) for row in await store.of_company(connection, company_id)]

    async def update(
        self, company_id: int, subscription_id: str, changes: Mapping[str, Any], *, channel: str | None
    ) -> dict[str, Any]:
        """Change what *changes* names and show the result.

        Raises:
            NotFound, BodyInvalid, TargetRefused: nothing was changed.
        """
        known = EDITABLE if channel is not None else ("status", "catch_up")
        taker = None if channel is None else self._channels().get(channel)
        self._checker.check(changes, required=(), known=known, channel=taker)
        errors = [
            FieldError(f"/{name}", "cannot be removed")
            for name in ("target_url", "event_types", "status")
            if name in changes and changes[name] is None
        ]
        if changes.get("status") not in {None, Status.ACTIVE, Status.PAUSED}:
            errors.append(FieldError("/status", "must be 'active' or 'paused'"))
        if not isinstance(changes.get("catch_up", True), bool):
            errors.append(FieldError("/catch_up", "must be true or false"))
        if errors:
            raise BodyInvalid(errors)
        async with self._database.write() as connection:
            before = self._records.open(await _find(connection, company_id, subscription_id, channel))
            columns = self._columns(before, changes)
            if "status" in changes and changes["status"] != before.status:
                columns |= await self._switch(connection, before, changes["status"])
            resumes = "status" in columns and columns["status"] == Status.ACTIVE
            row = await store.update(connection, before.no, columns, from_head=resumes)
            if row.status != before.status:
                await (ledger.wake if row.status == Status.ACTIVE else ledger.park)(connection, row.no)
            if resumes and before.resume_position is not None and changes.get("catch_up", True):
                missed = Range(before.resume_position, row.start_position, kind=replay.MISSED)
                await self._begin(connection, before, missed)
        self._tell(row)
        return self._view(self._records.open(row))

    async def delete(self, company_id: int, subscription_id: str, *, channel: str | None) -> None:
        """Delete one; what was still to be delivered ends as ``gone``. Raises NotFound."""
        async with self._database.write() as connection:
            row = await _find(connection, company_id, subscription_id, channel)
            sealed = self._records.seal(row.id, (), {})
            row = await store.update(connection, row.no, {"status": Status.DELETED, "sealed": sealed})
            await ledger.end_all(connection, row.no)
            await replay_store.end_of_subscription(connection, row.no, "cancelled")
        self._tell(row)

    async def rotate_secret(
        self, company_id: int, subscription_id: str, *, channel: str, overlap_seconds: int
    ) -> dict[str, Any]:
        """Give it a new secret; the one before signs beside it for *overlap_seconds*. Raises NotFound."""
        now = now_ms()
        async with self._database.write() as connection:
            before = self._records.open(await _find(connection, company_id, subscription_id, channel))
            fresh = Secret(signatures.new_secret(before.signature))
            sealed = self._records.seal(
                before.id, (fresh, *before.overlapping_secrets(now, overlap_seconds)), before.headers
            )
            await store.update(connection, before.no, {"sealed": sealed})
        if before.signature == "ed25519":
            return {"public_key": signatures.public_key(fresh.text)}
        return {"secret": fresh.text}

    async def test(self, company_id: int, subscription_id: str, *, channel: str) -> dict[str, Any]:
        """Make one attempt with an example event, whatever the status; it is neither logged nor tried again."""
        subscription = await self.find(company_id, subscription_id, channel=channel)
        names = [name for name in subscription.event_types if self._catalog.get(name)] or list(
            self._catalog.names()
        )
        version = self._checker.shown_versions(names[:1], subscription.pins).get(names[0])
        draft = example_draft(self._catalog, company_id, names[0], source="test", version=version)
        body = draft.envelope(self._catalog.names().index(names[0]) + 1)
        deliver = self._channels()[channel].deliver
        assert deliver is not None
        return await trial.attempt(
            subscription,
            event_type=names[0],
            body=body,
            deliver=deliver,
            http=self._http,
            limit_seconds=self._timeout_seconds + GRACE_SECONDS,
        )

    async def _same(
        self, connection: AsyncConnection, company_id: int, request: Mapping[str, Any], *, channel: str
    ) -> Subscription | None:
        """Find the oldest with the same target, event types, filter and versions, unless its target has ended it."""
        rows = await store.of_company(
            connection, company_id, channel=channel, target_url=request["target_url"]
        )
        for subscription in map(self._records.open, rows):
            is_same = (
                set(subscription.event_types) == set(request["event_types"])
                and subscription.filter == request.get("filter")
                and self._reads(subscription, request.get("versions") or {})
                and subscription.disabled_reason != GONE
            )
            if is_same:
                return subscription
        return None

    def _reads(self, subscription: Subscription, versions: Mapping[str, int]) -> bool:
        shown = self._checker.shown_versions(subscription.event_types, subscription.pins)
        return all(shown.get(name, version) == version for name, version in versions.items())

    def read_pins(self, versions: Any, *, beside: Pins) -> Pins | None:
        """Read a choice of versions that may be absent, the rest as *beside*. Raises BodyInvalid."""
        if versions is None:
            return None
        self._checker.check_versions(versions)
        return {**beside, **versions}

    def _view(self, subscription: Subscription, *, with_secret: bool = False) -> dict[str, Any]:
        versions = self._checker.shown_versions(subscription.event_types, subscription.pins)
        return view(subscription, versions=versions, with_secret=with_secret)

    def check_event_types(self, names: Any) -> None:
        """Check a list of event types that may be absent. Raises BodyInvalid."""
        self._checker.check({"event_types": names}, required=(), known=("event_types",))

    async def _start_earlier(
        self, connection: AsyncConnection, subscription: Subscription, start: Start
    ) -> None:
        after = start.position
        if start.since_ms is not None:
            after = await stream.position_before(connection, start.since_ms)
        elif after:
            await retention.check_cursor(connection, subscription.company_id, after=after)
        await self._begin(
            connection, subscription, Range(after, subscription.start_position, kind=replay.MISSED)
        )

    async def _begin(self, connection: AsyncConnection, subscription: Subscription, missed: Range) -> None:
        if missed.after < missed.up_to:
            await replay.begin(connection, subscription, missed)
            self._replay_signal.set()

    def _columns(self, before: Subscription, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Work out the new column values; the filter is checked against the event types that it will see."""
        columns: dict[str, Any] = {}
        names = unique(changes["event_types"]) if "event_types" in changes else list(before.event_types)
        source = changes.get("filter", before.filter)
        if not changes.keys().isdisjoint({"filter", "event_types", "versions"}):
            pins = self._pins(before, names, changes.get("versions") or {})
            self._checker.check_filter(source, names, pins)
            columns |= {
                "event_types": orjson.dumps(names).decode(),
                "filter": _json_or_none(source),
                "pins": sql.json_or_none(pins),
            }
        for name in ("target_url", "description"):
            if name in changes:
                columns[name] = changes[name]
        if "headers" in changes:
            columns["sealed"] = self._records.seal(before.id, before.secrets, changes["headers"] or {})
        return columns

    def _pins(self, before: Subscription, names: Sequence[str], chosen: Mapping[str, int]) -> dict[str, int]:
        """Give the new pins: what is *chosen*, what it had, and the current version of a type that is new to it."""
        had = before.event_types
        known = {name: before.pins.get(name, 1) for name in names if had == ("*",) or name in had}
        if names == ["*"]:
            known |= {
                name: before.pins.get(name, 1) for name in (self._catalog.names() if had == ("*",) else had)
            }
        return self._checker.pins_for(names, chosen={**before.pins, **known, **chosen})

    async def _switch(self, connection: AsyncConnection, before: Subscription, status: str) -> dict[str, Any]:
        if status == Status.PAUSED:
            shard = shard_of(before.company_id, self._shards())
            resume = before.resume_position
            if before.status == Status.ACTIVE:
                cursor = await shard_store.cursor_of(connection, shard)
                resume = max(cursor, before.start_position)  # its shard may not have come to where it began
            return {"status": status, "resume_position": resume, "disabled_reason": None, "disabled_ms": None}
        return {
            "status": status,
            "resume_position": None,
            "disabled_reason": None,
            "disabled_ms": None,
            "failures": 0,
            "failing_since_ms": None,
        }

    def _tell(self, row: Row) -> None:
        if self._notifier.wants("subscription_changed"):
            self._notifier.subscription_changed(
                ChangedSubscription(row.id, row.company_id, row.channel, row.status)
            )


async def _find(
    connection: AsyncConnection,
    company_id: int,
    subscription_id: str,
    channel: str | None,
    *,
    to_change: bool = True,
) -> Row:
    is_id = ID.fullmatch(subscription_id) is not None
    row = await store.get(connection, subscription_id, to_change=to_change) if is_id else None
    if row is None or row.company_id != company_id or channel not in {None, row.channel}:
        raise NotFound("subscription", subscription_id)
    return row


def _json_or_none(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
