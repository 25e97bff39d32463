"""Leases and commits pages of named consumers; ``model.reach`` has the rules for several pollers.

A poll reads a page in the same way as ``stream.pages``, and writes one row. A process caches the consumers that it has
served. Each change names the version of the row on which it is based, so a change by another process is noticed and
read, never overwritten.
"""

import asyncio
import random
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakValueDictionary

from msgspec import Struct, structs

from trunkline.errors import (
    SHOWN,
    BodyInvalid,
    CursorExpired,
    FieldError,
    NotFound,
    PageLeaseLost,
    TooMuchAtOnce,
)
from trunkline.filters import filters
from trunkline.model import cursors
from trunkline.model.events import Event
from trunkline.model.reach import Lease, Reach
from trunkline.runtime import callers
from trunkline.runtime.clock import now_ms
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.store import audit_log, retention
from trunkline.store import consumers as store
from trunkline.store.consumers import Consumer
from trunkline.store.database import Database
from trunkline.stream.filtered_pages import Found, PageRequest
from trunkline.stream.page_bytes import UNKNOWN
from trunkline.stream.pages import CHECK_SECONDS, CheckCaller, Streaming

LEASE_SECONDS, MAX_LEASE_SECONDS = 60, 3_600
MAX_LEASES = 32
"""The most pages of a consumer that may be leased at once; a further poller waits until a page is committed or its lease lapses."""
STEP, STEP_MS = 1_000, 3_600_000
"""A consumer without matching events is moved after this number of positions, or after this time since its last change."""
TRIES = 50
LOOK_SECONDS = 0.5
"""How often a waiting poll checks for a page whose lease has lapsed, if there may be one."""
KIND = "consumer"
_REMEMBERED = 10_000
_DEFINITION = ("no", "event_types", "filter")
Key = tuple[int, str]
"""The company and the name of a consumer."""


class LeasedPage(Struct, frozen=True):
    """Events that a poller holds under *lease*, and the *cursor* that commits them. Without events there is no lease.

    *more* is true if no event has matched the filter so far, but more events can be read.
    """

    bodies: Sequence[bytes]
    cursor: str
    lease: str | None
    more: bool = False


class _Poll(Struct, frozen=True):
    """The parameters of a poll."""

    key: Key
    limit: int
    lease_ms: int
    versions: Pins | None


class Leasing:
    """Leases pages of consumers, and moves their cursors. *reading* lends connections for reading."""

    def __init__(
        self, database: Database, *, reading: Database, streaming: Streaming, schema_versions: SchemaVersions
    ) -> None:
        self._database = database
        self._reading = reading
        self._streaming = streaming
        self._schema_versions = schema_versions
        self._known: OrderedDict[Key, Consumer] = OrderedDict()
        self._behind: set[Key] = set()
        """The consumers whose last page here was full, while they had no filter."""
        self._turns: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._ahead_ms = 0
        """Milliseconds by which the database's clock is ahead of this machine's clock. The database's clock times leases."""

    async def lease(
        self,
        company_id: int,
        name: str,
        *,
        limit: int = 50,
        wait_seconds: float = 0,
        lease_seconds: int = LEASE_SECONDS,
        versions: Pins | None = None,
        check_caller: CheckCaller | None = None,
    ) -> LeasedPage:
        """Lease the next page for *lease_seconds*. If there are no events, wait for some up to *wait_seconds*.

        Raises:
            NotFound
            CursorExpired, CursorUnknown: the consumer's cursor is outside the log; ``seek`` moves it.
            TooMuchAtOnce: the company has reached its limit of long polls, or of searches by a filter.
        """
        poll = _Poll((company_id, name), limit, lease_seconds * 1000, versions)
        page = await self._lease(poll)
        if page.lease is not None or wait_seconds <= 0:
            return page
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        next_check = loop.time() + CHECK_SECONDS
        async with self._streaming.waiting(company_id) as signal:
            while page.lease is None and loop.time() < deadline and not self._streaming.is_released:
                if not page.more:
                    known = self._known.get(poll.key)
                    pause = LOOK_SECONDS if known is None or known.reach.open else CHECK_SECONDS
                    await callers.while_present(signal.wait(min(deadline - loop.time(), pause)))
                if check_caller is not None and loop.time() >= next_check:
                    await check_caller()
                    next_check = loop.time() + CHECK_SECONDS
                page = await self._lease(poll)
        return page

    async def commit(self, company_id: int, name: str, *, cursor: str, lease: str | None) -> None:
        """Commit the leased page of *lease* up to *cursor*; without *lease*, all events up to *cursor*, even leased ones.

        A commit may be repeated. A commit without *lease* never moves a consumer back.

        Raises:
            NotFound, BadCursor, CursorUnknown
            BodyInvalid: *cursor* is not within the leased page.
            PageLeaseLost: the lease has lapsed, or the consumer was moved. Nothing was committed.
        """
        position = cursors.decode(cursor, path="/cursor")
        key = company_id, name
        consumer = self._known.get(key)
        is_fresh = consumer is None
        for _ in range(TRIES):
            consumer = consumer or await self.load(key)
            reach = consumer.reach
            if lease is None:
                await self._check(company_id, position, at_least=reach.position)
                reached: Reach | None = reach if position <= reach.cursor else reach.commit_all(position)
            else:
                try:
                    reached = reach.commit(lease, position, now_ms=self.now_ms())
                except ValueError as error:
                    raise BodyInvalid([FieldError("/cursor", str(error))]) from None
            if reached is not None and await self.save(consumer, reached, commits=True):
                return
            if reached is None and is_fresh:
                raise PageLeaseLost(name)
            consumer, is_fresh = None, True
        raise _contended(name)

    async def move(self, key: Key, reach: Reach) -> Consumer:
        """Set the progress of a consumer to *reach*, whatever its leases. Raises NotFound."""
        for _ in range(TRIES):
            if moved := await self.save(await self.load(key), reach, is_sought=True):
                return moved
        raise _contended(key[1])

    def now_ms(self) -> int:
        """Estimate the database's time with this machine's clock."""
        return now_ms() + self._ahead_ms

    def remember(self, consumer: Consumer) -> None:
        """Cache a row that was just read or written."""
        self._ahead_ms = consumer.clock_ms - now_ms()
        key = consumer.company_id, consumer.name
        self._known[key] = consumer
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._behind.discard(self._known.popitem(last=False)[0])

    async def _lease(self, poll: _Poll) -> LeasedPage:
        """Lease a page. The pollers of one process take turns, so that none starves."""
        async with self._turns.setdefault(poll.key, asyncio.Lock()):
            consumer = self._known.get(poll.key)
            if consumer is not None and poll.key in self._behind:
                self._behind.discard(poll.key)
                if (page := await self._lease_next(consumer, poll)) is not None:
                    return page
            for tries in range(TRIES):
                if (page := await self._try(consumer or await self.load(poll.key), poll)) is not None:
                    return page
                consumer = None
                await asyncio.sleep(random.uniform(0, tries / 1000))  # noqa: S311 - other processes may try at the same time
        raise _contended(poll.key[1])

    async def _try(self, consumer: Consumer, poll: _Poll) -> LeasedPage | None:
        """Lease the next page of *consumer*; None means that the caller must try again.

        A new try is needed if the consumer was changed since it was read, or if an empty range was skipped.
        """
        reach, now = consumer.reach, self.now_ms()
        lapsed = reach.lapsed(now)
        if lapsed is None and len(reach.open) >= MAX_LEASES:
            fresh = await self.load(poll.key)
            is_same = fresh.version == consumer.version
            return LeasedPage([], cursors.encode(reach.cursor), None) if is_same else None
        after = reach.position if lapsed is None else lapsed.after
        found = await self._find(consumer, after, poll)
        if found is None:
            return None
        up_to = found.after if lapsed is None else min(found.after, lapsed.up_to)
        events = [event for event in found.events if lapsed is None or event.position <= lapsed.up_to]
        if events:
            lease = Lease(secrets.token_urlsafe(12), after, events[-1].position, now + poll.lease_ms)
            if not await self._give(consumer, lease, lapsed):
                return None
            if found.more and lapsed is None and consumer.filter is None:
                self._behind.add(poll.key)
            return self._page(events, lease, poll)
        is_due = up_to - after >= STEP or (up_to > after and now - consumer.updated_ms >= STEP_MS)
        if lapsed is not None:
            reach = reach.pass_over(lapsed, lapsed.up_to if found.events else up_to)
        elif is_due or found.more:
            reach = structs.replace(reach, position=up_to)
        if await self.save(consumer, reach, is_lazy=True) is None or lapsed is not None:
            return None
        return LeasedPage([], cursors.encode(reach.cursor), None, more=found.more)

    async def _lease_next(self, consumer: Consumer, poll: _Poll) -> LeasedPage | None:
        """Lease the next page of a consumer that lags behind the log, in one round trip. None if nothing was leased."""
        reach, now = consumer.reach, self.now_ms()
        if consumer.filter is not None or len(reach.open) >= MAX_LEASES or reach.lapsed(now) is not None:
            return None
        types = self._streaming.named(consumer.event_types)
        request = self._streaming.fitting(
            PageRequest(consumer.company_id, types, reach.position, None, poll.limit)
        )
        lease = Lease(secrets.token_urlsafe(12), reach.position, reach.position, now + poll.lease_ms)
        async with self._database.write_lazily() as connection:
            events, given = await store.lease_page(
                connection, consumer, lease, types=types, limit=request.limit
            )
        if given is None:
            return None
        if len(events) == request.limit:
            self._behind.add(poll.key)
        self.remember(given)
        lease = given.reach.leases[-1]
        found = self._streaming.cut(request, lease.up_to, events)
        if found.after < lease.up_to:  # the events are longer than the company's others
            for _ in range(TRIES):
                shorter = given.reach.shorten(lease, found.after)
                if lease not in given.reach.leases or await self.save(given, shorter, is_lazy=True):
                    break
                given = await self.load(poll.key)
        return self._page(found.events, structs.replace(lease, up_to=found.after), poll)

    def _page(self, events: Sequence[Event], lease: Lease, poll: _Poll) -> LeasedPage:
        bodies = [self._schema_versions.body(event, poll.versions) for event in events]
        return LeasedPage(bodies, cursors.encode(lease.up_to), lease.token)

    async def _find(self, consumer: Consumer, after: int, poll: _Poll) -> Found | None:
        """Read the next page after *after*; None if *consumer* was changed since it was read."""
        types = self._streaming.named(consumer.event_types)
        request = PageRequest(consumer.company_id, types, after, None, poll.limit)
        if consumer.filter is not None:
            wanted = filters.compile_stored(consumer.filter)
            found = await callers.while_present(self._streaming.search(request, wanted, poll.versions))
            return found if found.events or await self._reread(consumer, after) else None
        while True:
            knows = self._streaming.knows_length(consumer.company_id)
            fitting = self._streaming.fitting(
                request if knows else structs.replace(request, limit=min(poll.limit, UNKNOWN))
            )
            async with self._reading.read() as connection:
                events, bounds, version = await store.read_page(
                    connection, consumer, types=types, after=after, limit=fitting.limit + 1
                )
                await retention.check_cursor(connection, consumer.company_id, after=after, bounds=bounds)
            if version != consumer.version and await self._reread(consumer, after) is None:
                return None
            found = self._streaming.cut(fitting, max(after, bounds.head), events)
            if knows or not found.more or fitting.limit == poll.limit:
                return found

    async def _give(self, consumer: Consumer, lease: Lease, lapsed: Lease | None) -> bool:
        """Store the new *lease*; False if another poller got its events. Commits made meanwhile are kept."""
        for _ in range(TRIES):
            if await self.save(consumer, consumer.reach.give(lease, instead_of=lapsed), is_lazy=True):
                return True
            fresh = await self._reread(consumer, lease.after)
            if fresh is None or (lapsed is not None and lapsed not in fresh.reach.leases):
                return False
            consumer = fresh
        return False

    async def _reread(self, consumer: Consumer, after: int) -> Consumer | None:
        """Read *consumer* again; None if its next page no longer begins after *after*."""
        fresh = await self.load((consumer.company_id, consumer.name))
        lapsed = fresh.reach.lapsed(self.now_ms())
        place = fresh.reach.position if lapsed is None else lapsed.after
        is_same = all(getattr(fresh, name) == getattr(consumer, name) for name in _DEFINITION)
        return fresh if is_same and place == after else None

    async def load(self, key: Key) -> Consumer:
        """Read a consumer. Raises NotFound."""
        async with self._reading.read() as connection:
            consumer = await store.find(connection, *key)
        if consumer is None:
            self._known.pop(key, None)
            raise NotFound(KIND, key[1][:SHOWN])
        self.remember(consumer)
        return consumer

    async def save(
        self,
        consumer: Consumer,
        reach: Reach,
        *,
        commits: bool = False,
        is_lazy: bool = False,
        is_sought: bool = False,
    ) -> Consumer | None:
        """Store the progress of *consumer*; None if it was changed since it was read. With *is_sought*, the audit log has it."""
        if reach == consumer.reach and not commits:
            return consumer
        database = self._database
        lending = database.write if is_sought else database.write_lazily if is_lazy else database.write_once
        async with lending() as connection:
            changed = await store.change(connection, consumer, reach, commits=commits, is_lazy=is_lazy)
            if changed is not None and is_sought:
                audit_log.note(
                    "consumer.moved",
                    consumer.name,
                    company_id=consumer.company_id,
                    before={"position": consumer.reach.cursor},
                    after={"position": reach.cursor},
                )
        if changed is None:
            self._known.pop((consumer.company_id, consumer.name), None)
        else:
            self.remember(changed)
        return changed

    async def _check(self, company_id: int, position: int, *, at_least: int) -> None:
        """Check that *position* is in the log. It may be any number, because it need not be an issued cursor."""
        if position > at_least:
            async with self._reading.read() as connection:
                with suppress(CursorExpired):  # removed events count as read
                    await retention.check_cursor(connection, company_id, after=position)


def _contended(name: str) -> TooMuchAtOnce:
    return TooMuchAtOnce(f"calls that move the consumer '{name}'", retry_after_seconds=1)
