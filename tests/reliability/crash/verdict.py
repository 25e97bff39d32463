"""The conditions at the end of a case, judged from the log, the polls, the ledger, and the target's requests."""

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import actor
import aiohttp
import eraser
import maker
import orjson
import tenant
from furniture import COMPANIES, LANE, LARGE, ORDERED, RETRY_SECONDS, SUBSCRIPTIONS, Furniture
from load import WRITERS, Load, Request
from sqlalchemy import text
from target import SLOW_SECONDS, Arrival

from trunkline.model.event_groups import OPERATIONAL
from trunkline.store.database import Database

FIRST_POSITION = 1000
FINAL = "('delivered', 'exhausted', 'rejected', 'gone', 'skipped')"
AGAIN_SECONDS = 1.0
"""Only deliveries in flight, or ended within this time before the crash, may be sent twice."""
TRIES = 1 + len(RETRY_SECONDS)
"""Limit of attempts of a delivery."""
STALL_SECONDS = 1.5
"""Delay that a busy machine may add to timed steps."""
OTHERS = frozenset({actor.COMPANY, tenant.COMPANY})
"""Companies without writers."""
Pair = tuple[int, str]
"""An event and the path of a matching subscription."""


@dataclass(slots=True)
class Verdict:
    """The result; *faults* is empty if every condition held."""

    accepted: int = 0
    delivered: int = 0
    exhausted: int = 0
    duplicates: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)


class Judge:
    """Judges one deployment after its crash."""

    def __init__(self, database: Database, furniture: Furniture, load: Load, *, gaps: int = 0) -> None:
        self._database = database
        self._furniture = furniture
        self._promises = promises = load.promises
        self._actor, self._eraser, self._tenant, self._maker = load.extras
        numbers = ", ".join(map(str, furniture.numbers.values()))
        self._furnished = f"subscription_no IN ({numbers})"
        self._log: list[tuple[int, int, bytes, dict[str, Any]]] = []
        self._positions: list[int] = []
        self._has_withdrawn = False
        self._gaps = gaps
        self.verdict = Verdict(accepted=len(promises.accepted), faults=list(promises.surprises))

    async def judge(
        self, url: str, arrivals: Sequence[Arrival], *, ended_at: float, patience_seconds: float
    ) -> Verdict:
        """Wait until everything has ended, then check all conditions."""
        await self._check_erasure(patience_seconds)
        rows = await self._query("SELECT position, company_id, body, type FROM events ORDER BY position")
        self._log = [
            (no, company, bytes(body), orjson.loads(body))
            for no, company, body, name in rows
            if name not in OPERATIONAL
        ]
        pairs = self._matching()
        await self._wait(len(pairs), patience_seconds)
        await self._check_told(patience_seconds)
        heads = await self._query(
            "SELECT h.position, e.position FROM stream_head AS h LEFT JOIN events AS e ON true ORDER BY e.position"
        )
        self._head, self._positions = [(heads[0][0],)], [row[1] for row in heads if row[1] is not None]
        self._check_log()
        await self._check_actions()
        await self._check_made()
        await self._check_tenant(patience_seconds)
        await self._check_polls(url)
        ledger = await self._check_ledger(pairs)
        self._check_arrivals(pairs, ledger, arrivals, ended_at)
        self._check_order(arrivals)
        return self.verdict

    def _blame(self, what: str) -> None:
        self.verdict.faults.append(what)

    def _lose(self, what: str, missing: set[Any]) -> None:
        if missing:
            self.verdict.lost += len(missing)
            self._blame(f"{what}: {sorted(missing)[:5]} ({len(missing)} in all)")

    async def _query(self, statement: str) -> Sequence[Any]:
        async with self._database.read() as connection:
            return (await connection.execute(text(statement))).all()

    def _matching(self) -> set[Pair]:
        return {
            (position, path)
            for position, company, _, envelope in self._log
            for path, (owner, condition) in SUBSCRIPTIONS.items()
            if owner == company and (not condition or envelope["metadata"]["amount"] >= LARGE)
        }

    async def _wait(self, expected: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            [(rows, ended, replays)] = await self._query(
                f"SELECT count(*), coalesce(sum(CASE WHEN status IN {FINAL} THEN 1 ELSE 0 END), 0), "
                f"(SELECT count(*) FROM replays WHERE status = 'running') FROM deliveries WHERE {self._furnished}"
            )
            if rows == ended == expected and not replays:
                return
            if time.monotonic() > deadline or rows > expected:
                self._blame(
                    f"{expected} deliveries are due, {rows} are in the ledger, {ended} have ended; {replays} replays run"
                )
                return
            await asyncio.sleep(0.05)

    def _check_log(self) -> None:
        positions = self._positions
        erased = self._eraser.removed if self._eraser else 0
        [(head,)] = self._head
        gaps = sum(later != earlier + 1 for earlier, later in pairwise([*positions, head + 1]))
        if gaps > self._gaps if self._gaps else len(positions) != head - FIRST_POSITION + 1 - erased:
            self._blame(f"positions have gaps: {positions}")
        found: defaultdict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
        by_writer: defaultdict[int, list[int]] = defaultdict(list)
        for _, company, _, envelope in self._log:
            if company in OTHERS:
                continue
            writer, number = envelope["metadata"]["writer"], envelope["metadata"]["n"]
            found[writer, number].append(envelope)
            by_writer[writer].append(number)
            if WRITERS[writer] != company:
                self._blame(f"event {envelope['id']} has the wrong company")
        for writer, numbers in by_writer.items():
            if numbers != sorted(numbers):
                self._blame(f"the events of writer {writer} are not in the order in which they were sent")
        self._check_promises(found)

    def _check_promises(self, found: Mapping[tuple[int, int], Sequence[dict[str, Any]]]) -> None:
        promises = self._promises
        self._lose("accepted, but not in the log", promises.accepted.keys() - found.keys())
        for name, envelopes in found.items():
            if len(envelopes) > 1:
                self._blame(f"event {name} stands {len(envelopes)} times in the log")
            if name in promises.accepted and promises.accepted[name] != envelopes[0]:
                self._blame(f"event {name} is not what was answered")
        if refused := promises.refused & found.keys():
            self._blame(f"refused, but in the log: {sorted(refused)}")
        for request in promises.unanswered:
            if len(_stored(request, found)) not in {0, request.count}:
                self._blame(f"a batch without an answer is in the log by halves: {request}")
        strangers = found.keys() - promises.accepted.keys()
        strangers -= {(request.writer, n) for request in promises.unanswered for n in request.numbers}
        if strangers:
            self._blame(f"in the log without having been accepted: {sorted(strangers)}")

    async def _check_told(self, seconds: float) -> None:
        """Check that each change was reported once to the change's company and once to the operators."""
        deadline = time.monotonic() + seconds
        while (await self._query("SELECT count(*) FROM news"))[0][0] and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        names = ", ".join(f"'{name}'" for name in sorted(OPERATIONAL))
        rows = await self._query(f"SELECT company_id, type, body FROM events WHERE type IN ({names})")
        told: Counter[tuple[int, str, str]] = Counter()
        for company, name, body in rows:
            told[company, name, orjson.dumps(orjson.loads(body)["payload"]).decode()] += 1
        if repeated := [which for which, count in told.items() if count > 1]:
            self._blame(f"told more than once: {repeated[:3]}")
        of_companies = {which[1:] for which in told if which[0]}
        to_operators = {which[1:] for which in told if not which[0]}
        only_operators = {
            which for which in to_operators - of_companies if orjson.loads(which[1])["company_id"]
        }
        if not of_companies <= to_operators or (only_operators and self._eraser is None):
            self._blame("the operators were not told what the companies were, or the reverse")
        keys = {orjson.loads(which[2])["key"]["id"] for which in told if which[1] == "key.created"}
        made = {row[0] for row in await self._query("SELECT id FROM api_keys WHERE name = 'crash'")}
        self._lose("keys that nobody was told of", made - keys)
        counted = sum(
            orjson.loads(which[2])["count"] for which in told if which[:2] == (0, "delivery.exhausted")
        )
        [(gathered,)] = await self._query(
            "SELECT coalesce(sum(count), 0) FROM gathered WHERE type = 'delivery.exhausted'"
        )
        [(ended,)] = await self._query("SELECT count(*) FROM deliveries WHERE status = 'exhausted'")
        if counted + gathered < ended:
            self._blame(f"{ended} deliveries are exhausted, {counted + gathered} were told of")
        levels = await self._query(
            "SELECT id, failing_level FROM subscriptions WHERE failing_level > 1 AND status = 'active'"
        )
        for subscription_id, _ in levels:
            mine = [which[1] for which in told if which[0] == 0 and subscription_id in which[2]]
            if mine.count("subscription.failing") != mine.count("subscription.recovered") + 1:
                self._blame(f"{subscription_id} is failing, and was told of as {sorted(mine)}")

    async def _check_erasure(self, seconds: float) -> None:
        self._head = await self._query("SELECT position FROM stream_head")
        if self._eraser is None:
            return
        deadline = time.monotonic() + seconds
        statement = "SELECT id, removed, completed_ms IS NOT NULL FROM erasures"
        found = await self._query(statement)
        while not all(row[2] for row in found) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            found = await self._query(statement)
        for fault in self._eraser.check(found, await self._query(eraser.LEFT)):
            self._blame(fault)

    async def _check_tenant(self, seconds: float) -> None:
        if self._tenant is None:
            return
        deadline = time.monotonic() + seconds
        while faults := self._tenant.check(await self._query(tenant.HELD), await self._query(tenant.OPEN)):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        self.verdict.accepted += len(self._tenant.accepted)
        self._lose("not sent to who subscribed", self._tenant.missing)
        for fault in faults:
            self._blame(fault)

    async def _check_actions(self) -> None:
        if self._actor is None:
            return
        events = [envelope for _, company, _, envelope in self._log if company == actor.COMPANY]
        self.verdict.accepted += len(self._actor.made) + len(self._actor.moved)
        for fault in (*self._actor.surprises, *self._actor.check(await self._query(actor.RECORDS), events)):
            self._blame(fault)

    async def _check_made(self) -> None:
        if self._maker is not None:
            for fault in (*self._maker.surprises, *self._maker.check(await self._query(maker.MADE))):
                self._blame(fault)

    async def _check_polls(self, url: str) -> None:
        async with aiohttp.ClientSession() as session:
            for company in COMPANIES:
                polled = await _poll(session, url, self._furniture.keys[company])
                logged = [envelope for _, owner, _, envelope in self._log if owner == company]
                ids = [envelope["id"] for envelope in polled]
                self._lose("not in a poll", {e["id"] for e in logged} - set(ids))
                if polled != logged:
                    self._blame(f"company {company} polls {len(ids)} events, its log has {len(logged)}")

    async def _check_ledger(self, pairs: set[Pair]) -> Mapping[Pair, tuple[str, int]]:
        paths = {no: path for path, no in self._furniture.numbers.items()}
        rows = await self._query(
            "SELECT d.position, d.subscription_no, d.status, d.attempts, count(a.number), max(a.number) "
            "FROM deliveries d LEFT JOIN attempts a "
            "ON a.position = d.position AND a.subscription_no = d.subscription_no "
            f"WHERE d.{self._furnished} GROUP BY d.position, d.subscription_no, d.status, d.attempts"
        )
        ledger: dict[Pair, tuple[str, int]] = {}
        for position, no, status, attempts, logged, highest in rows:
            ledger[position, paths[no]] = (status, attempts)
            if not attempts == logged == highest:
                self._blame(f"delivery {position}_{no} has {attempts} attempts, {logged} are logged")
        self._lose("matched, but not in the ledger", pairs - ledger.keys())
        if more := ledger.keys() - pairs:
            self._blame(f"in the ledger, but not matched: {sorted(more)[:5]}")
        ends = Counter(status for status, _ in ledger.values())
        self.verdict.delivered, self.verdict.exhausted = ends.pop("delivered", 0), ends.pop("exhausted", 0)
        if ends:
            self._blame(f"deliveries ended as {dict(ends)}")
        head = "(SELECT position FROM stream_head)"
        beyond = await self._query(
            f"SELECT shard, cursor FROM shards WHERE cursor > {head} "
            f"UNION ALL SELECT shard, cursor FROM shard_parts WHERE cursor > {head}"
        )
        if beyond and self._log:
            self._blame(f"cursors stand beyond the head: {beyond}")
        [(cancelled,)] = await self._query("SELECT count(*) FROM replays WHERE status = 'cancelled'")
        self._has_withdrawn = cancelled > 0
        return ledger

    def _check_arrivals(
        self,
        pairs: set[Pair],
        ledger: Mapping[Pair, tuple[str, int]],
        arrivals: Sequence[Arrival],
        ended_at: float,
    ) -> None:
        bodies = {position: body for position, _, body, _ in self._log}
        times: defaultdict[Pair, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for arrival in arrivals:
            moments = times[arrival.event, arrival.path][arrival.attempt]
            if not arrival.closed_kept:
                moments.append(arrival.at)
            if bodies.get(arrival.event) != arrival.body:
                self._blame(f"event {arrival.event} was pushed with other bytes than are polled")
        self._lose("matched, but never pushed", pairs - times.keys())
        if more := times.keys() - pairs:
            self._blame(f"pushed, but not matched: {sorted(more)[:5]}")
        edge = ended_at - AGAIN_SECONDS - SLOW_SECONDS - STALL_SECONDS
        for pair in times.keys() & ledger.keys():
            _, attempts = ledger[pair]
            arrived, taken_back = set(times[pair]), attempts + 1
            if self._has_withdrawn and min(times[pair].get(taken_back, [0.0]), default=0.0) >= edge:
                arrived.discard(
                    taken_back
                )  # the delivery was in flight in the crash, and belongs to a cancelled replay
            if arrived != set(range(1, attempts + 1)):
                self._blame(f"{pair} has {attempts} attempts in the ledger, {sorted(times[pair])} arrived")
            for number, moments in times[pair].items():
                self.verdict.duplicates += len(moments) - 1
                if len(moments) > 2 or (len(moments) == 2 and moments[0] < edge):
                    early = [round(ended_at - moment, 2) for moment in moments]
                    self._blame(
                        f"attempt {number} of {pair} was sent {len(moments)} times, {early} s before the end"
                    )

    def _check_order(self, arrivals: Sequence[Arrival]) -> None:
        """Check the order of each key: no event may be first sent before the key's earlier events were accepted or given up."""
        lanes = {
            position: envelope["metadata"]["lane"]
            for position, company, _, envelope in self._log
            if company not in OTHERS
        }
        came: dict[Pair, float] = {}
        over: dict[Pair, float] = {}
        for arrival in sorted(arrivals, key=lambda arrival: arrival.at):
            pair = (arrival.event, arrival.path)
            came.setdefault(pair, arrival.at)
            if arrival.taken_at is not None:
                over.setdefault(pair, arrival.taken_at)
            elif arrival.attempt == TRIES:  # given up, until a replay opens it again
                over.setdefault(pair, arrival.at)
        for path, ordering in ORDERED.items():
            before: dict[object, tuple[int, float]] = {}
            for event in sorted(event for event, its_path in came if its_path == path):
                key = lanes[event] if ordering == LANE else None
                earlier, ended_at = before.get(key, (0, 0.0))
                if came[event, path] < ended_at:
                    self._blame(f"event {event} was sent to {path} before {earlier} had ended")
                before[key] = max(
                    (earlier, ended_at), (event, over.get((event, path), math.inf)), key=_second
                )


def _second(pair: tuple[int, float]) -> float:
    return pair[1]


def _stored(request: Request, found: Mapping[tuple[int, int], Any]) -> list[int]:
    return [number for number in request.numbers if (request.writer, number) in found]


async def _poll(session: aiohttp.ClientSession, url: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "50"}
    while True:
        async with session.get(f"{url}/api/v1/events", params=query, headers={"X-Api-Key": key}) as answer:
            page = orjson.loads(await answer.read())
        if not page["events"]:
            return found
        found += page["events"]
        query["cursor"] = page["next_cursor"]
