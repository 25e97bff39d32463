"""The routing table: finds the subscriptions that an event is for. Kept in memory, refreshed by the routing version.

Subscriptions are kept in a compact form. The routes and the index of a company are made at its first event.
"""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from trunkline.access.subscription_records import OpenedRow, pack, unpack
from trunkline.contract import Channel, Deliver, Target
from trunkline.contract.channels import TellGap
from trunkline.contract.targets import Url, config_of
from trunkline.dispatch.routing import matching
from trunkline.filters import costs, filters
from trunkline.filters.filters import Test
from trunkline.model import treatments
from trunkline.model.event_groups import EVERY_TYPE, groups_of, is_group, is_operational
from trunkline.model.events import Event
from trunkline.model.pace import pace_of
from trunkline.model.parts import part_of
from trunkline.model.subscriptions import Status, Subscription
from trunkline.model.treatments import PACE, said_of
from trunkline.runtime.pauses import Pauses
from trunkline.runtime.tracing import Span, SpanKind, Tracer
from trunkline.schemas.versions import SchemaVersions
from trunkline.store.subscriptions import Row

NEVER_MS = 2**63
MOST_PACKED = 25
"""If a company has at most this many subscriptions, their routes are made at its first event, which takes 0.5 ms."""
LARGE = 4_096
"""Size in characters above which a filter is compiled only when an event needs it: compiling 64 KiB takes 2 ms."""
UNREAD = 1_000_000
"""Cost of a large filter until it is compiled.

It exceeds the highest cost of a reader's page, so the matching lane compiles the filter.
"""
MOST_INDEXED = 20_000
"""Number of companies whose routes and index are kept, at 2 KB per subscription.

The oldest are dropped, and made again when they are needed (20 µs).
"""
DeliverFor = Callable[[Subscription, Channel], Deliver | None]
"""Gives the function that makes one attempt for a subscription of a channel."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Route:
    """One active subscription. *channel* is None if the channel is off.

    *deliver* is None if the channel is off or does not push. *treatment* has the limits that apply if neither the
    subscription nor its company sets them.

    *subscription* has neither its *filter* nor its description, because no delivery needs them; for ten thousand
    subscriptions they would take 5 MB.

    *pins* are the versions of event types that the subscription reads.

    *wants* is the test of its *filter* (as JSON); None if it has no filter. *cost* is the cost of the filter.
    """

    __slots__ = (
        *("_channel", "_filter", "_target", "_valid_until_ms", "_wants", "cost", "deliver", "pace", "pins"),
        *("start_position", "subscription"),
    )

    def __init__(
        self,
        subscription: Subscription,
        channel: Channel | None,
        treatment: Mapping[str, Any] = _NOTHING,
        *,
        filter: str | None = None,
    ) -> None:
        missing = treatments.missing(subscription, treatment)
        self.subscription = dataclasses.replace(subscription, **missing) if missing else subscription
        self.deliver = channel.deliver if channel else None
        self._channel = channel
        self.start_position = subscription.start_position
        self.pace = pace_of(self.subscription.max_in_flight, self.subscription.rate)
        self.pins = subscription.pins
        self._filter = filter
        size = len(filter or "")
        self.cost = UNREAD if size > LARGE else costs.cost_of(orjson.loads(filter)) if filter else 0
        self._wants: Test | None = None
        self._target: Target | None = None
        self._valid_until_ms = 0

    @property
    def wants(self) -> Test | None:
        """The test of its filter.

        It is made for the first event of the subscription's types; the filter itself is then dropped.
        """
        if self._filter:
            source = orjson.loads(self._filter)
            self._wants, self._filter = filters.compile_stored(source).test, None
            self.cost = costs.cost_of(source)
        return self._wants

    @property
    def tell_gap(self) -> TellGap | None:
        """The channel's function that reports a gap to a target, if it has one."""
        return self._channel.tell_gap if self._channel else None

    def target(self, now_ms: int) -> Target:
        """Return the target with the secrets that sign at *now_ms*.

        Raises BodyInvalid if the target does not fit the channel.
        """
        if self._target is None or now_ms >= self._valid_until_ms:
            self._target = target_of(self.subscription, now_ms, channel=self._channel)
            expiries = [s.expires_ms for s in self.subscription.secrets if s.expires_ms is not None]
            self._valid_until_ms = min((ms for ms in expiries if ms > now_ms), default=NEVER_MS)
        return self._target


def target_of(subscription: Subscription, now_ms: int, *, channel: Channel | None) -> Target:
    """Make the target of a subscription in the form that its *channel* receives.

    Raises:
        BodyInvalid: the channel declares its targets, and the stored one does not fit.
    """
    config = None
    if channel is not None and channel.target is not None:
        config = config_of(channel, subscription.target_url, subscription.target, subscription.target_secrets)
    return Target(
        subscription_id=subscription.id,
        company_id=subscription.company_id,
        url=config.url if isinstance(config, Url) else subscription.target_url,
        secrets=subscription.live_secrets(now_ms),
        headers=subscription.headers,
        signature=subscription.signature,
        config=config,
        name=subscription.name,
        notes=subscription.notes or _NOTHING,
    )


class Candidates(NamedTuple):
    """One company's subscriptions to one event type, and the total cost of the subscriptions' filters."""

    routes: tuple[Route, ...] = ()
    cost: int = 0


NOBODY = Candidates()
"""The candidates of an event that nobody subscribes to."""


def _of(name: str, by_type: Mapping[str, Sequence[Route]]) -> Iterator[Route]:
    """List the routes for *name*, an event type or a group, and for the groups that contain it."""
    for one in (name, *groups_of(name)) if name != EVERY_TYPE else ():
        yield from by_type.get(one, ())


def _candidates(routes: Iterable[Route]) -> Candidates:
    """Make candidates of *routes*, without duplicates."""
    once = tuple(dict.fromkeys(routes))
    return Candidates(once, sum(route.cost for route in once))


class RoutingTable:
    """Every active subscription, by company and event type. *treatment* has the deployment's limits (``model.treatments``)."""

    def __init__(
        self,
        channel_of: Callable[[str], Channel | None],
        *,
        schema_versions: SchemaVersions,
        deliver_for: DeliverFor | None = None,
        treatment: Mapping[str, Any] = _NOTHING,
        tracer: Tracer | None = None,
    ) -> None:
        self._channel_of = channel_of
        self._deliver_for = deliver_for
        self._schema_versions = schema_versions
        self._treatment = treatment
        self._tracer = tracer
        self._has_pace = any(treatment.get(name) is not None for name in PACE)
        self._packed: dict[int, bytes] = {}
        self._made: dict[int, Route] = {}
        self._members: dict[int, list[int]] = {}
        self._by_company: OrderedDict[int, dict[str, Candidates]] = OrderedDict()
        self._with_groups: set[int] = set()
        self.ordered: set[int] = set()
        """Numbers of the subscriptions that have an ordering."""
        self.paced: set[int] = set()
        """Numbers of the subscriptions that have a pace."""
        self.gaps: set[int] = set()
        """Numbers of the subscriptions with an unreported gap that their channel can report."""
        self.version = 0
        """The routing version of the newest change in the table."""
        self.first_expiry_ms = NEVER_MS
        """No active subscription lapses before this time (Unix ms)."""

    def __len__(self) -> int:
        return len(self._packed)

    def apply(self, changed: Iterable[OpenedRow]) -> list[int]:
        """Update the table with *changed* subscriptions. Returns the numbers of those that are no longer served."""
        dropped: list[int] = []
        for opened in changed:
            row = opened.row
            self._by_company.pop(row.company_id, None)
            for noted in (self.ordered, self.paced, self.gaps):
                noted.discard(row.no)
            self._made.pop(row.no, None)
            if row.status == Status.ACTIVE and opened.is_readable:
                self._put(opened)
            elif self._packed.pop(row.no, None) is not None:
                members = self._members[row.company_id]
                members.remove(row.no)
                if not members:
                    del self._members[row.company_id]
                dropped.append(row.no)
        return dropped

    def _put(self, opened: OpenedRow) -> None:
        """Keep an active subscription in compact form.

        Its route is made at once only if its company has many subscriptions, or if lanes look the subscription up
        without an event.
        """
        row = opened.row
        members = self._members.setdefault(row.company_id, [])
        if row.no not in self._packed:
            members.append(row.no)
        self._packed[row.no] = pack(opened)
        self._note(row)
        if len(members) > MOST_PACKED or self._is_looked_for(row.no):
            self._make(row.no)

    def _is_looked_for(self, no: int) -> bool:
        """Return whether lanes look up a subscription even if it has no new event."""
        return no in self.ordered or no in self.gaps

    def _note(self, row: Row) -> None:
        """Note the properties of a subscription that lanes need even before its first event."""
        options = row.options
        if self._has_pace or (options and any(said_of(name, options) is not None for name in PACE)):
            self.paced.add(row.no)
        if not options:
            return
        if options.get("ordering") is not None:
            self.ordered.add(row.no)
        channel = self._channel_of(row.channel)
        if options.get("gap_position") is not None and channel is not None and channel.tell_gap is not None:
            self.gaps.add(row.no)
        if (expires_ms := options.get("expires_ms")) is not None:
            self.first_expiry_ms = min(self.first_expiry_ms, expires_ms)

    def route(self, subscription_no: int) -> Route | None:
        """Return the route of a subscription; None if it is not active."""
        found = self._made.get(subscription_no)
        if found is None and subscription_no in self._packed:
            found = self._make(subscription_no)
            self._index(
                found.subscription.company_id
            )  # so that the route is dropped with the others of its company
        return found

    def _make(self, no: int) -> Route:
        subscription, wanted = unpack(self._packed[no])
        channel = self._channel_of(subscription.channel)
        self._made[no] = route = Route(subscription, channel, self._treatment, filter=wanted)
        if channel is not None and self._deliver_for is not None:
            route.deliver = self._deliver_for(subscription, channel)
        return route

    def order_key(self, event: Event, route: Route) -> int:
        """Return the order key of *event* for a route whose subscription has an ordering."""
        ordering = route.subscription.ordering
        assert ordering is not None
        return matching.order_key(event, ordering, pins=route.pins, schema_versions=self._schema_versions)

    def candidates(self, event: Event) -> Candidates:
        """Find the subscriptions to the type of *event*, without testing their filters."""
        by_type = self._by_company.get(event.company_id) or self._index(event.company_id)
        if by_type is None:
            return NOBODY
        found = by_type.get(event.type)
        if found is None and event.company_id in self._with_groups:
            groups = (by_type.get(group) for group in groups_of(event.type))
            found = next((candidates for candidates in groups if candidates is not None), None)
        return found or (NOBODY if is_operational(event.type) else by_type.get(EVERY_TYPE, NOBODY))

    def match(self, event: Event, among: Sequence[Route] | None = None) -> list[Route]:
        """Find the subscriptions that *event* is for; *among* has the candidates for *event*, if known."""
        routes = self.candidates(event).routes if among is None else among
        if self._tracer is None or event.traceparent is None:
            return matching.match(event, routes, schema_versions=self._schema_versions)
        with self._span(event, candidates=len(routes)):
            return matching.match(event, routes, schema_versions=self._schema_versions)

    def _span(self, event: Event, *, candidates: int) -> AbstractContextManager[Span | None]:
        """Begin a tracing span for matching *event* against *candidates* subscriptions; None if it is not traced."""
        if self._tracer is None or event.traceparent is None:
            return nullcontext()
        attributes = {"trunkline.event_id": event.position, "trunkline.candidates": candidates}
        return self._tracer.span("match", SpanKind.INTERNAL, parent=event.traceparent, attributes=attributes)

    async def match_with_pauses(self, event: Event, among: Sequence[Route], pauses: Pauses) -> list[Route]:
        """Choose from the candidates *among* as ``match`` does, with pauses in which other tasks run."""
        has_unread = any(route.cost == UNREAD for route in among)
        with self._span(event, candidates=len(among)):
            matched = await matching.match_with_pauses(
                event, among, schema_versions=self._schema_versions, pauses=pauses
            )
        if has_unread:
            self._by_company.pop(event.company_id, None)  # also if the index was made during a pause
        return matched

    def is_ordered(self, candidates: Candidates) -> bool:
        """Return whether any of *candidates* has an ordering."""
        return bool(self.ordered) and any(
            route.subscription.no in self.ordered for route in candidates.routes
        )

    def is_in_parts(self, company_id: int) -> bool:
        """Return whether dividing the shard of a company would put its subscriptions into more than one part."""
        return len({part_of(no) for no in self._members.get(company_id, ())}) > 1

    def _index(self, company: int) -> Mapping[str, Candidates] | None:
        """Index the subscriptions of a *company* by event type; None if the company has no subscriptions."""
        self._with_groups.discard(company)
        by_type: dict[str, list[Route]] = {}
        for no in self._members.get(company, ()):
            route = self._made.get(no) or self._make(no)
            for name in route.subscription.event_types:
                by_type.setdefault(name, []).append(route)
        if not by_type:
            return None
        if any(map(is_group, by_type)):
            self._with_groups.add(company)
        to_all = by_type.get(EVERY_TYPE, [])
        self._by_company[company] = indexed = {
            name: _candidates([*_of(name, by_type), *(() if is_operational(name) else to_all)])
            for name in by_type
        }
        if len(self._by_company) > MOST_INDEXED:
            self._let_go(self._by_company.popitem(last=False)[0])
        return indexed

    def _let_go(self, company: int) -> None:
        """Drop the routes of a *company*; its subscriptions are kept in compact form."""
        members = self._members.get(company, ())
        if len(members) <= MOST_PACKED:
            for no in members:
                if not self._is_looked_for(no):
                    self._made.pop(no, None)
