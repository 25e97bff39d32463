"""The invariants, checked after each commit, at each attempt, and at the end of a world."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from trunkline.contract import Batch
from trunkline.dispatch.leases import leases
from trunkline.dispatch.ledger import replay
from trunkline.dispatch.routing import matching
from trunkline.model.deliveries import FINAL, OPEN, Key, RetryPolicy
from trunkline.model.events import shard_of
from trunkline.model.parts import WHOLE, Slice
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import subscriptions

ONE_VERSION = SchemaVersions(SchemaCatalog([]))
BATCH = Batch(most=3, wait_seconds=0.05)
"""The batches of a channel, in worlds with batches."""
FEWEST_SLOTS = 4
"""With this few slots, a company's own burst fills all slots, so that its deliveries wait for each other."""
WAITING = {"ordering", "rate", "max_in_flight"}
"""Options that make deliveries wait for each other."""


class Broken(AssertionError):
    """An invariant does not hold."""


def must(holds, sentence, *facts):
    if not holds:
        raise Broken(f"{sentence}: {', '.join(map(repr, facts))}")


@dataclass(slots=True)
class Receipt:
    """One push that reached its target. *is_excused* is true if its worker was disturbed before the push could be settled.

    *answered* is the time of a trusted target's answer, in seconds of the world; None for other targets or without an answer.
    """

    machine: object
    attempt: int
    began: float
    answered: float | None = None
    is_excused: bool = False
    is_settled: bool = False


def _reached(row):
    return row["cursor"], row["stretch_end"], row["live_cursor"]


class Checks:
    """The judge of one world."""

    def __init__(self, world):
        self.world = world
        self.tables = world.database.tables
        self.receipts = defaultdict(list)
        self.outlasted = defaultdict(set)
        """Attempts that waited for their batch when their machine was frozen; their time limit may pass before they are sent."""
        self.versions = defaultdict(list)
        """Every state of each subscription, by the subscription's number."""
        self.starts = {}
        """The start positions of subscriptions that begin before the head of the log, by the subscription's number."""
        self.trusted = {}
        self.waits = []
        """The wait in ms of each delivery to a healthy target, minus the time for its company's trusted targets."""
        self.order = Order(self)
        self.stretches = 0
        """Number of catch-ups begun by shards."""
        self.pace = Pace(self)
        world.database.on_commit.append(self.committed)

    # --- each commit -----------------------------------------------------------------------------------------------

    def committed(self, transaction, before):
        for no, old in before.get("subscriptions", {}).items():
            row = self.tables["subscriptions"][no]
            if old is None or row["version"] != old["version"]:
                self.versions[no].append(row)
        for no, old in before.get("replays", {}).items():
            self._replay_changed(old, self.tables["replays"][no], before)
        for kind, *facts in transaction.notes:
            getattr(self, f"_{kind}")(transaction, before, *facts)
        forgotten = {name for name in before.get("workers", {}) if self.tables["workers"].get(name) is None}
        if forgotten:
            self.excuse(lambda machine: machine.worker in forgotten)
        for key, old in before.get("deliveries", {}).items():
            new = self.tables["deliveries"][key]
            if old is not None:
                self._delivery_changed(old, new)
            self.order.delivery_changed(Key(*key), old, new)
        for table in ("shards", "shard_parts"):
            for key, old in before.get(table, {}).items():
                new = self.tables[table][key]
                held = Slice(new["shard"], new.get("part", WHOLE))
                self._shard_changed(held, old or {**new, "holder": None}, new)

    def _replay_changed(self, old, new, before):
        if old is None and before.get("subscriptions", {}).get(new["subscription_no"], new) is None:
            self.starts[new["subscription_no"]] = new["position"]
        if new["status"] == "cancelled":
            self.world.cancelled.setdefault(new["no"], self.world.clock.now)

    def _recorded(self, transaction, before, keys):
        worker = transaction.machine.worker
        for key in keys:
            shard = transaction.shard_of(self.tables["events"][key.position])
            holder = transaction.held(shard, key.subscription_no)["holder"]
            must(holder == worker, "only a shard's holder records its deliveries", str(key), worker, holder)
            row = self.tables["deliveries"][key.position, key.subscription_no]
            for receipt in self.receipts[key]:
                if receipt.machine is transaction.machine and receipt.attempt <= row["attempts"]:
                    receipt.is_settled = True

    def _settled(self, transaction, before, worker, settled, done):
        for s in settled:
            key = Key(s.position, s.subscription_no)
            if (key, s.claim) not in done:
                continue
            old = before["deliveries"][s.position, s.subscription_no]
            is_own = old is None or (old["claimed_by"] == worker and old["claim"] == s.claim)
            must(is_own, "only the holder of a claim settles it", str(key), worker, s.claim, old)
            for receipt in self.receipts[key]:
                if receipt.machine is transaction.machine and receipt.attempt <= s.attempts:
                    receipt.is_settled = True

    def _delivery_changed(self, old, new):
        must(new["attempts"] >= old["attempts"], "attempts never become fewer", old, new)
        if old["status"] in FINAL and new["status"] != old["status"]:
            must(
                new["claim"] > old["claim"] and new["status"] in OPEN,
                "only a replay moves what has ended",
                old,
                new,
            )

    def _shard_changed(self, held, old, new):
        if new["holder"] != old["holder"]:
            self.world.say(
                new["holder"] or "nobody",
                "holds shard",
                str(held),
                "epoch",
                new["epoch"],
                "from",
                new["cursor"],
            )
        must(new["epoch"] >= old["epoch"] and new["cursor"] >= old["cursor"], "a shard goes on", old, new)
        live = max(new["cursor"], new["live_cursor"] or 0)
        must(live <= self.tables["head"][1]["position"], "a cursor stays behind the head", new)
        self.stretches += new["stretch_end"] is not None and old["stretch_end"] is None
        if _reached(new) == _reached(old):
            return
        rows = self.tables["deliveries"]
        settled = [*range(old["cursor"] + 1, new["cursor"] + 1)]
        if new["stretch_end"] is not None:
            settled += range(new["stretch_end"] + 1, live + 1)
        for position in settled:
            event = self.tables["events"][position]
            if shard_of(event.company_id, len(self.tables["shards"])) != held.shard:
                continue
            for no, versions in self.versions.items():
                if held.has(no) and len(versions) == 1 and self.wants(versions[0], event):
                    must((position, no) in rows, "a cursor never passes what is open", held, position, no)

    def wants(self, row, event):
        return (
            event.company_id == row["company_id"]
            and event.position > row["start_position"]
            and replay.picker(self.world.records.open(subscriptions.Row(**row)), schema_versions=ONE_VERSION)(
                event
            )
        )

    # --- each attempt ----------------------------------------------------------------------------------------------

    def attempt_began(self, machine, push):
        key = Key.parse(push.delivery_id)
        event = self.tables["events"].get(key.position)
        must(event is not None and event.body == push.body, "what is pushed is what was accepted", str(key))
        runner, slots = machine.dispatcher._runner, machine.dispatcher._runner.slots
        must(len(runner._running) <= self.world.slots, "slots are bounded", len(runner._running))
        must(slots.in_use == len(runner._running), "each attempt has a slot", slots.in_use)
        mine = sum(job.route.subscription.no == key.subscription_no for job in runner._running)
        must(mine <= self.world.slots_per_subscription, "slots of one subscription are bounded", mine)
        is_stale = not self.world.is_calm and self._is_stale(machine, key, push.attempt)
        for earlier in self.receipts[key]:
            if earlier.attempt == push.attempt:
                must(
                    is_stale or (earlier.is_excused and not earlier.is_settled),
                    "only what was in flight at a disturbance is sent twice",
                    str(key),
                    push.attempt,
                    machine.name,
                    earlier.machine.name,
                )
        is_excused = is_stale or not self._has_renewed(machine)
        began = _job(machine, key, push.attempt).started
        self.receipts[key].append(Receipt(machine, push.attempt, began, is_excused=is_excused))
        self.order.attempt_began(machine, key, push.attempt, is_stale=is_stale)
        self.pace.attempt_began(machine, key, push.attempt, is_stale=is_stale)
        cancelled = self.world.cancelled.get(_job(machine, key, push.attempt).replay_no, self.world.clock.now)
        is_over = self.world.clock.now - cancelled <= 1 or self.world.disturbed > cancelled - 1
        must(is_over or is_stale, "nothing of a cancelled replay begins a second later", str(key))
        return key

    def note_frozen(self, machine):
        if machine.dispatcher is not None and machine.takes_batches:
            for job in machine.dispatcher._runner._running:
                self.outlasted[job.key].add(job.attempt)

    def _has_renewed(self, machine):
        """Tell whether a worker has renewed its leases since the last disturbance.

        Before that, the leases may lapse during the worker's pushes.
        """
        age_ms = self.world.database.now_ms - self.tables["workers"][machine.worker]["heartbeat_ms"]
        return age_ms <= (self.world.clock.now - self.world.disturbed) * 1000

    def _is_stale(self, machine, key, attempt):
        """Tell whether the shard or the delivery may have a new holder without the worker's knowledge."""
        alive = self.tables["workers"].get(machine.worker)
        if alive is None or alive["heartbeat_ms"] < self.world.database.now_ms - leases.LEASE_MS:
            return True  # the next worker takes this one for dead and frees its claims, including new ones
        job = _job(machine, key, attempt)
        if job.claim or job.progress is None:
            row = self.tables["deliveries"].get((key.position, key.subscription_no))
            if row is None or row["claim"] != job.claim:
                return True
            lapses_ms = row["due_ms"]  # None if the delivery was claimed together with the previous one
            return row["claimed_by"] != machine.worker or (
                lapses_ms is not None and lapses_ms <= self.world.database.now_ms
            )
        held = job.progress.lease.slice
        row = self.tables["shards"][held.shard] if held.part == WHOLE else self.tables["shard_parts"][held]
        return row["epoch"] != job.progress.lease.epoch or row["lease_until_ms"] < self.world.database.now_ms

    def excuse(self, of):
        """Excuse the machines for which *of* is true: their unsettled deliveries may be sent again."""
        for receipts in self.receipts.values():
            for receipt in receipts:
                if not receipt.is_settled and of(receipt.machine):
                    receipt.is_excused = True

    def excuse_delivery(self, key):
        """Excuse a delivery that was ended from outside: its attempt in flight is not settled."""
        for receipt in self.receipts[key]:
            receipt.is_excused = True

    def received(self, key):
        """Measure the time until the first push of a delivery to a healthy, trusted target."""
        accepted_ms = self.tables["events"][key.position].accepted_ms
        never = float("inf")
        is_trusted = all(
            self.trusted.get((worker, key.subscription_no), never) < accepted_ms
            for worker in self.world.workers
        )
        has_to_wait = any(
            not WAITING.isdisjoint(row["options"]) for row in self.versions[key.subscription_no]
        )  # it waits for other deliveries of its subscription
        company = self.versions[key.subscription_no][0]["company_id"]
        has_to_wait |= bool(
            self.stretches
        ) and any(  # a company with an ordering waits for earlier deliveries
            rows[0]["company_id"] == company and "ordering" in rows[0]["options"]
            for rows in self.versions.values()
        )
        if len(self.receipts[key]) == 1 and is_trusted and not has_to_wait:
            waited_ms = self.world.clock.now_ms - accepted_ms
            if self.world.slots == FEWEST_SLOTS or self.world.has_switcher:  # its target may be slow
                waited_ms -= self._own_ms(key, self.world.clock.now - waited_ms / 1000)
            self.waits.append((waited_ms, key))

    def answered(self, key):
        """Note the answer of a healthy or slow target to the last push of a delivery."""
        self.receipts[key][-1].answered = self.world.clock.now

    def _own_ms(self, key, since):
        """Give the ms since *since* (seconds) in which trusted targets of the delivery's company had other pushes."""
        events = self.tables["events"]
        company = events[key.position].company_id
        own = (rs for k, rs in self.receipts.items() if events[k.position].company_id == company)
        own_seconds, seen = 0.0, since
        for began, answered in sorted((r.began, r.answered) for rs in own for r in rs if r.answered):
            own_seconds += max(answered - max(began, seen), 0)
            seen = max(seen, answered)
        return own_seconds * 1000

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self):
        events = [self.tables["events"][p] for p in sorted(self.tables["events"])]
        must(
            [e.position for e in events] == [*range(1, len(events) + 1)],
            "positions have no gaps",
            len(events),
        )
        must(self.world.promised <= {e.position for e in events}, "what was acknowledged is in the log")
        rows = self.tables["deliveries"]
        for no in self.versions:
            self._finish_subscription(no, {p for p, n in rows if n == no}, events)
        for key, row in rows.items():
            self._finish_delivery(Key(*key), row)
        for company, seen in self.world.polled.items():
            stored = [e.position for e in events if e.company_id == company]
            must(
                seen == stored,
                "a poller sees each event once, in order",
                company,
                set(stored) ^ set(seen),
                seen,
            )

    def _finish_subscription(self, no, got, events):
        versions = self.versions[no]
        start = self.starts.get(no, versions[0]["start_position"])
        expected = {}
        for row in versions:
            asked = (row["event_types"], row["filter"])
            if asked not in expected:
                expected[asked] = {
                    e.position for e in events if self.wants({**row, "start_position": start}, e)
                }
        some, every = set.union(*expected.values()), set.intersection(*expected.values())
        must(got <= some, "nothing is delivered that was not asked for", no, got - some)
        if versions[-1]["status"] != "deleted":
            must(every <= got, "each event has its delivery", no, every - got)

    def _finish_delivery(self, key, row):
        must(row["status"] in FINAL, "each delivery ends", str(key), row)
        logged = [
            n
            for n in range(1, row["attempts"] + 1)
            if (key.position, key.subscription_no, n) in self.tables["attempts"]
        ]
        must(len(logged) == row["attempts"], "each attempt is logged once", str(key), row, logged)
        attempts = {receipt.attempt for receipt in self.receipts[key]} | self.outlasted[key]
        must(attempts >= set(logged), "each attempt that is logged was made", str(key), logged, attempts)
        if row["status"] == "delivered":
            must(self.world.accepted_by_target[key], "what is delivered was accepted", str(key))
            last = self.tables["attempts"][key.position, key.subscription_no, row["attempts"]]
            must(
                last["outcome"] == "delivered",
                "the log's last attempt is the one that delivered",
                str(key),
                last,
            )
        retry = self.tables["subscriptions"][key.subscription_no]["options"].get("retry")
        policy = RetryPolicy(self.world.schedule).of(retry)
        most = 1 + sum(policy.wait_before(number) is not None for number in range(1, 50))
        tries = row["attempts"] - row["round_start"]
        if row["status"] == "exhausted" and row["replay_no"] not in self.world.cancelled:
            must(tries == most, "the schedule is tried to its end", str(key), row)
        must(tries <= most, "no more tries", str(key), row)


class Order:
    """Judges the order of deliveries: no delivery of a key begins before the key's earlier deliveries have ended.

    A delivery has ended if the ledger says so, or if the target accepted it. Workers that have lost their claim or shard without
    knowing it are not judged. A delivery that a replay reopened comes before a delivery that was claimed later.
    """

    def __init__(self, checks):
        self.checks = checks
        self.world = checks.world
        self.ended = set()
        self.opened = {}
        """For each open delivery: the time when it was opened, and how often the target had accepted it before."""
        self.claimed = {}
        self.joined = {}
        """For each delivery that a replay made, or to which a replay gave a key after the request changed: the time."""

    def delivery_changed(self, key, old, new):
        has_joined = old is not None and old["order_key"] is None and new["order_key"] is not None
        if has_joined or (old is None and new["replay_no"] is not None):
            self.joined[key] = self.world.clock.now
        if new["status"] in FINAL:
            self.ended.add(key)
            self.opened.pop(key, None)
        elif old is None or old["status"] in FINAL or has_joined:
            self.opened[key] = self.world.clock.now, self.world.accepted_by_target[key]
        if new["claimed_by"] and (old is None or new["claim"] != old["claim"]):
            self.claimed[key] = self.world.clock.now

    def attempt_began(self, machine, key, attempt, *, is_stale):
        running = machine.dispatcher._runner._running
        job = _job(machine, key, attempt)
        if job.key_queue is None:
            return
        place = key.subscription_no, job.key_queue.order_key
        at_once = [
            j for j in running if j.key_queue and (j.key.subscription_no, j.key_queue.order_key) == place
        ]
        must(len(at_once) == 1, "deliveries of one key go one after the other", [str(j.key) for j in at_once])
        if is_stale:
            return
        accepted = self.world.accepted_by_target
        for earlier in self._before(key, place):
            is_over = earlier in self.ended or accepted[earlier]
            is_over |= bool(job.claim) and self.joined.get(earlier, -1) > self.claimed.get(key, 0)
            must(is_over, "nothing begins before what comes before it has ended", str(key), str(earlier))
        rows = self.checks.tables["deliveries"]
        for earlier, (opened, accepts) in self.opened.items():
            row = rows[earlier.position, earlier.subscription_no]
            is_before = earlier.position < key.position and (row["no"], row["order_key"]) == place
            if is_before and job.claim and opened < self.claimed.get(key, 0):
                is_over = accepted[earlier] > accepts
                must(is_over, "what is open again comes before what is behind it", str(key), str(earlier))

    def _before(self, key, place):
        """Give the earlier deliveries of the same key, if the subscription never changed."""
        no, order_key = place
        versions = self.checks.versions[no]
        asked = {(row["event_types"], row["filter"], str(row["options"])) for row in versions}
        rows = self.checks.tables["deliveries"]
        yield from (
            Key(*k) for k, r in rows.items() if (r["no"], r["order_key"]) == place and k[0] < key.position
        )
        if (
            len(asked) > 1 or versions[-1]["status"] == "deleted"
        ):  # events missed during the pause get no delivery
            return
        row = {**versions[0], "start_position": self.checks.starts.get(no, versions[0]["start_position"])}
        ordering = row["options"]["ordering"]
        for event in self.checks.tables["events"].values():
            if event.position < key.position and self.checks.wants(row, event):
                its_key = matching.order_key(event, ordering, pins={}, schema_versions=ONE_VERSION)
                if its_key == order_key:
                    yield Key(event.position, no)


class Pace:
    """Judges the pace: no more attempts begin in any unit of the rate, and no more are in flight, than the subscription allows.

    The attempts of all workers are added up, for subscriptions whose pace never changed. Attempts of dead workers, and
    of workers that have lost their shard or claim without knowing it, are left out.
    """

    def __init__(self, checks):
        self.checks = checks
        self.world = checks.world
        self.began = defaultdict(list)

    def attempt_began(self, machine, key, attempt, *, is_stale):
        no = key.subscription_no
        job = _job(machine, key, attempt)
        pace = job.route.pace
        paces = {
            (row["options"].get("rate"), row["options"].get("max_in_flight"))
            for row in self.checks.versions[no]
        }
        if pace is None or len(paces) > 1:
            return
        mine = self._in_flight(machine, no)
        if pace.max_in_flight is not None:
            must(mine <= pace.max_in_flight, "no more are in flight than asked for", str(key), mine)
        if is_stale:
            return
        if pace.max_in_flight is not None:
            others = (w for w in self.world.workers if w is not machine and not w.is_frozen)
            count = mine + sum(self._in_flight(other, no, is_known=True) for other in others)
            must(count <= pace.max_in_flight, "no more are in flight over all workers", str(key), count)
        if pace.rate is not None:
            began = self.began[no]
            now = (
                job.started if machine.takes_batches else self.world.clock.now
            )  # a batch counts from the start of its wait
            began.append(now)
            count = sum(now - moment < pace.rate.seconds - 1e-6 for moment in began)
            must(count <= pace.rate.count, "no more begin than the rate says", str(key), count, began)

    def _in_flight(self, machine, no, *, is_known=False):
        """Count the attempts that a worker has in flight; with *is_known* only the attempts that the ledger knows."""
        if machine.dispatcher is None:
            return 0
        jobs = [j for j in machine.dispatcher._runner._running if j.key.subscription_no == no]
        rows = self.checks.tables["deliveries"]
        return sum(
            not is_known
            or (
                (row := rows.get((j.key.position, no))) is not None
                and (row["claimed_by"], row["claim"]) == (machine.worker, j.claim)
            )
            for j in jobs
        )


def _job(machine, key, attempt):
    running = machine.dispatcher._runner._running
    mine = (j for j in running if j.key == key and j.attempt == attempt)
    return next(j for j in mine if j.task is _here() or machine.takes_batches)  # a batch has its own task


def _here():
    return asyncio.current_task()
