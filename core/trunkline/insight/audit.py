"""The audit of the ledger: checks that each event has exactly the deliveries that it should have.

It may run while hubs use the database. It reads ranges of positions, so that no statement takes long.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence

import orjson
from msgspec import Struct

from trunkline.dispatch.routing import matching
from trunkline.filters import filters
from trunkline.filters.filters import Test
from trunkline.model.deliveries import Key
from trunkline.model.event_groups import EVERY_TYPE, OPERATIONAL, groups_of
from trunkline.model.events import Event, shard_of
from trunkline.runtime.pauses import Pauses
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.store import audit as store
from trunkline.store import sql, stream
from trunkline.store import status as status_store
from trunkline.store.audit import Span, Unchanged
from trunkline.store.connection import Connection
from trunkline.store.database import Database

SHOWN = 20
"""The maximum number of ids that a failed check lists."""
RECENT = 100_000
"""The number of newest events that are matched again."""
WINDOW = 50_000
"""The number of positions that one statement reads."""
_PAGE = 1_000
_END = 2**63 - 1


class Check(Struct, frozen=True):
    """A rule about the ledger, and the first ids that violate it. *looked_at* says how much was checked."""

    name: str
    claim: str
    looked_at: str
    offending: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether no violation was found."""
        return not self.offending


class Audit(Struct, frozen=True):
    """The result of an audit: the deliveries by status, and each check."""

    by_status: Mapping[str, int]
    checks: Sequence[Check]

    @property
    def rows(self) -> int:
        """The number of deliveries in the ledger."""
        return sum(self.by_status.values())

    @property
    def balances(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)


class Candidate(Struct, frozen=True):
    """The matching data of an unchanged subscription (``routing.Matching``); *no* is the subscription's number."""

    no: int
    start_position: int
    wants: Test | None
    pins: Pins


class _Matcher:
    """Matches events against unchanged subscriptions, as a dispatcher does."""

    def __init__(self, rows: Sequence[Unchanged], schema_versions: SchemaVersions) -> None:
        self._schema_versions = schema_versions
        self._count = len(rows)
        self._by_type: dict[tuple[int, str], list[Candidate]] = {}
        for row in rows:
            source = orjson.loads(row.filter) if row.filter else None
            wants = filters.compile_stored(source).test if source else None
            subscription = Candidate(row.no, row.start_position, wants, sql.pins_of(row.pins))
            for event_type in orjson.loads(row.event_types):
                self._by_type.setdefault((row.company_id, event_type), []).append(subscription)

    def __len__(self) -> int:
        return self._count

    async def match(self, event: Event, pauses: Pauses) -> list[Candidate]:
        """Find the subscriptions that match *event*; *pauses* give other tasks time to run."""
        by_type, company_id = self._by_type, event.company_id
        every = () if event.type in OPERATIONAL else (EVERY_TYPE,)
        names = (event.type, *groups_of(event.type), *every)
        found = [candidate for name in names for candidate in by_type.get((company_id, name), ())]
        candidates = [*{candidate.no: candidate for candidate in found}.values()]
        return await matching.match_with_pauses(
            event, candidates, schema_versions=self._schema_versions, pauses=pauses
        )


_BY_WINDOW: Mapping[str, str] = {
    "statuses": "delivered + pending + held + ended is every delivery",
    "ended": "what has ended is neither due nor claimed",
    "attempts": "every attempt is counted by its delivery",
    "events": "every delivery's event is in the log, or was removed by retention",
    "accepted": "no delivery is beyond what was accepted",
}
"""What the checks of each window claim, by name."""


async def run(
    database: Database, *, schema_versions: SchemaVersions, recent: int = RECENT, window: int = WINDOW
) -> Audit:
    """Check the whole ledger, and match the *recent* newest events again. Raises StoreUnavailable."""
    async with database.read() as connection:
        by_status: Counter[str] = Counter()
        offending: dict[str, list[str]] = {name: [] for name in _BY_WINDOW}
        head = (await stream.head(connection)).position
        async for after, up_to in _windows(connection, head=head, size=window):
            by_status.update(await store.tally(connection, Span(after, up_to, SHOWN)))
            for name in _BY_WINDOW:
                if room := SHOWN - len(offending[name]):
                    offending[name] += await store.faults(connection, name, Span(after, up_to, room))
        rows = f"{by_status.total()} deliveries"
        checks = [Check(name, claim, rows, tuple(offending[name])) for name, claim in _BY_WINDOW.items()]
        matcher = _Matcher(await store.unchanged_subscriptions(connection), schema_versions)
        return Audit(by_status, [*checks, await _check_matches(connection, matcher, recent=recent)])


async def _windows(connection: Connection, *, head: int, size: int) -> AsyncGenerator[tuple[int, int]]:
    """Divide the ledger up to *head* into windows of *size* positions. The last window has all positions after *head*."""
    after = 0
    while (first := await store.first_position(connection, after=after)) is not None and first <= head:
        after = min(first - 1 + size, head)
        yield first - 1, after
    yield head, _END


async def _check_matches(connection: Connection, matcher: _Matcher, *, recent: int) -> Check:
    cursors: dict[int, int] = {}
    for row in await status_store.shards(connection):
        cursors[row.slice.shard] = min(row.cursor, cursors.get(row.slice.shard, row.cursor))
    newest = max(cursors.values())
    oldest = await store.oldest_event(connection)
    after = newest if oldest is None else max(newest - recent, oldest - 1)
    looked_at, missing, pauses = 0, list[Key](), Pauses()
    while len(matcher) and after < newest and len(missing) < SHOWN:
        up_to = min(after + _PAGE, newest)
        _, events = await stream.read_on(connection, list(cursors), after=after, up_to=up_to, limit=_PAGE)
        settled = [
            event for event in events if event.position <= cursors[shard_of(event.company_id, len(cursors))]
        ]
        recorded = await store.keys(connection, Span(after, up_to, 0))
        expected = [
            Key(event.position, subscription.no)
            for event in settled
            for subscription in await matcher.match(event, pauses)
        ]
        missing += await _still_missing(connection, [key for key in expected if key not in recorded])
        looked_at, after = looked_at + len(settled), up_to
    return Check(
        "matched",
        "every settled event has a delivery for each subscription that it matched",
        f"{looked_at} newest events, {len(matcher)} subscriptions that were never changed",
        tuple(str(key) for key in missing[:SHOWN]),
    )


async def _still_missing(connection: Connection, missing: Sequence[Key]) -> list[Key]:
    """Return the *missing* deliveries that retention, or a subscription's change during the audit, does not explain."""
    if not missing:
        return []
    unchanged = {row.no for row in await store.unchanged_subscriptions(connection)}
    events = await stream.by_positions(connection, sorted({key.position for key in missing}))
    return [key for key in missing if key.subscription_no in unchanged and key.position in events]
