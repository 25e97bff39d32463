"""The functions of ``trunkline.store`` over the database in memory, each modelled after its SQL.

A function has the name, the arguments and the rules of the function that it replaces: the rows of its statement, the order of locks,
waiting for or skipping locked rows, and the result.
"""

# ruff: noqa: N805 - the classes are namespaces of functions, which are put into modules

from collections import Counter
from types import MappingProxyType

from trunkline.model.deliveries import FINAL, OPEN, Key
from trunkline.model.parts import PARTS, WHOLE, Slice
from trunkline.store import (
    agenda,
    conditions,
    cursors,
    deliveries,
    due,
    health,
    new_subscriptions,
    open_deliveries,
    operational,
    order_changes,
    ordering,
    paced,
    releasing,
    replays,
    retention,
    settle_at_once,
    shard_parts,
    shards,
    streaks,
    stream,
    subscriptions,
)
from trunkline.store.open_deliveries import Change

from .queues import Changes, Due, Paced, Queues, Releases, status_before

FAILED = FINAL - {"delivered", "skipped"}
FREE = MappingProxyType({"holder": None, "lease_until_ms": 0})
"""The columns of a lease that nobody holds."""
AT_ONCE = 2
"""Subscriptions that a dispatcher reads with one statement; few, so that several statements are needed."""


def giving(answer):
    """Make a function that always gives *answer*, without a statement."""

    async def give(connection, *given, **named):
        return answer

    return give


class Ledger:
    """``store.deliveries``."""

    async def record(connection, settled, *, now_ms, places=MappingProxyType({})):
        await connection.statement()
        for s in settled:
            place = places.get(Key(s.position, s.subscription_no), (None, None))
            await connection.insert(
                "deliveries",
                (s.position, s.subscription_no),
                {
                    "position": s.position,
                    "no": s.subscription_no,
                    "status": str(s.status),
                    "attempts": s.attempts,
                    "round_start": 0,
                    "due_ms": None if s.wait_ms is None else now_ms + s.wait_ms,
                    "claimed_by": s.claimed_by,
                    "claim": s.claim,
                    "replay_no": None,
                    "order_key": place[0],
                    "order_shard": place[1],
                    "queued": 1 if place[0] is not None and s.status == "held" else None,
                },
            )
        connection.notes.append(("recorded", [Key(s.position, s.subscription_no) for s in settled]))

    async def insert_attempts(connection, attempts):
        if not attempts:
            return
        await connection.statement()
        for a in attempts:
            key = (a.position, a.subscription_no, a.number)
            await connection.insert("attempts", key, {"outcome": str(a.outcome)})

    async def settle(connection, worker, settled):
        if not settled:
            return set()
        await connection.statement()
        now, done = connection.now_ms, set()  # pairs of (key, claim)
        for s in settled:
            changed = await connection.update(
                "deliveries",
                [(s.position, s.subscription_no)],
                lambda row, s=s: row["claim"] == s.claim and row["claimed_by"] == worker,
                lambda row, s=s: {
                    "status": str(s.status),
                    "attempts": s.attempts,
                    "claimed_by": None,
                    "due_ms": None if s.wait_ms is None else now + s.wait_ms,
                },
            )
            if changed:
                done.add((Key(s.position, s.subscription_no), s.claim))
        connection.notes.append(("settled", worker, settled, done))
        return {key for key, _ in done}

    async def next_due_ms(connection):
        await connection.statement()
        rows = connection.rows("deliveries").values()
        due = (row["due_ms"] for row in rows if row["due_ms"] is not None and row["order_shard"] is None)
        first = min(due, default=None)
        return None if first is None else max(first - connection.now_ms, 0)

    async def newest_position(connection):
        await connection.statement()
        return max((position for position, _ in connection.rows("deliveries")), default=0)

    async def keys_at(connection, positions):
        await connection.statement()
        wanted = set(positions)
        return {Key(*key) for key in connection.rows("deliveries") if key[0] in wanted}

    async def retry_now(connection, key):
        await connection.statement()
        changed = await connection.update(
            "deliveries",
            [(key.position, key.subscription_no)],
            lambda row: row["claimed_by"] is None,
            lambda row: {"status": "pending", "due_ms": connection.now_ms, "claim": row["claim"] + 1},
        )
        return bool(changed)

    async def release_held(connection, channels):
        await connection.statement()
        active = {
            no
            for no, row in connection.rows("subscriptions").items()
            if row["status"] == "active" and row["channel"] in channels
        }
        await connection.update(
            "deliveries",
            [*connection.rows("deliveries")],
            lambda row: (
                row["status"] == "held"
                and row["no"] in active
                and not row["queued"]
                and row["claimed_by"] is None
            ),
            lambda row: {"status": "pending", "due_ms": connection.now_ms},
        )


class Agenda:
    """``store.agenda``."""

    async def read(connection):
        due = await Ledger.next_due_ms(connection)
        replaying = connection.rows("replays").values()
        return agenda.Agenda(
            connection.get("head", 1)["position"],
            connection.get("routing", 1)["version"],
            due,
            has_replays=any(r["status"] == "running" or r["withdrawing"] is not None for r in replaying),
            has_unsettled=any(
                note is not None
                for name in ("unsettled", "unreleased")
                for note in connection.rows(name).values()
            ),
            has_erasures=False,
            has_news=False,
        )


class OpenDeliveries:
    """``store.open_deliveries``, in pieces of a few."""

    async def apply(connection, subscription_no, change):
        await connection.statement()
        rows = connection.rows("deliveries")
        last = max(
            (p for p, no in _of(connection, subscription_no) if rows[p, no]["status"] in OPEN), default=0
        )
        reached = await _piece(connection, subscription_no, change, after=0, last=last)
        await connection.statement()
        await connection.lock("unsettled", subscription_no)
        note = None if reached is None else {"change": change, "position": reached, "last": last}
        connection.put("unsettled", subscription_no, note)

    async def apply_to_all(connection, subscription_nos, change):
        if not subscription_nos:
            return
        await connection.statement()
        for no in sorted(subscription_nos):
            await connection.lock("unsettled", no)
            rows = connection.rows("deliveries")
            open_positions = [p for p, _ in _of(connection, no) if rows[p, no]["status"] in OPEN]
            note = {"change": change, "position": 0, "last": max(open_positions, default=0)}
            connection.put("unsettled", no, note if open_positions else None)

    async def unsettled(connection, *, limit):
        await connection.statement()
        return sorted(connection.rows("unsettled"))[:limit]

    async def go_on(connection, subscription_no):
        await connection.statement()
        if not connection.is_free("subscriptions", subscription_no):
            return
        await connection.lock("subscriptions", subscription_no)
        await connection.statement()
        note = connection.get("unsettled", subscription_no)
        if note is None:
            return
        reached = await _piece(
            connection, subscription_no, note["change"], after=note["position"], last=note["last"]
        )
        if reached is None and note["change"] == Change.END:
            await Releases.release(connection, subscription_no)
        await connection.statement()
        await connection.lock("unsettled", subscription_no)
        fresh = None if reached is None else {**note, "position": reached}
        connection.put("unsettled", subscription_no, fresh)


class Shards:
    """``store.shards``."""

    async def beat(connection, worker, leases, *, lease_ms, lock_no):
        await connection.statement()
        now, workers = connection.now_ms, connection.rows("workers")
        known = {lease.slice for lease in leases}
        if any(
            row["heartbeat_ms"] > now + lease_ms or (name != worker and row["heartbeat_ms"] < now - lease_ms)
            for name, row in workers.items()
        ) or any(
            row["holder"] == worker and _slice(row) not in known
            for table in LEASED
            for row in connection.rows(table).values()
        ):
            return None
        alive = len(workers)
        noted = await connection.update(
            "workers", [worker], lambda row: True, lambda row: {"heartbeat_ms": now}
        )
        if not noted:
            return None
        until = now + lease_ms
        renewed = await _change_held(connection, worker, leases, lambda lease: {"lease_until_ms": until})
        return shards.Heartbeat(alive, _divided(connection), renewed)

    async def heartbeat(connection, worker, *, lease_ms, lock_no, suspects):
        await connection.statement()
        step = await Shards._follow_clock_back(connection, lease_ms=lease_ms)
        now = connection.now_ms
        await connection.lock("workers", worker)
        connection.put("workers", worker, {"heartbeat_ms": now})
        await connection.statement()
        lapsed = [
            name
            for name, row in connection.rows("workers").items()
            if row["heartbeat_ms"] < now - lease_ms and name != worker and connection.is_free("workers", name)
        ]
        for name in lapsed:
            await connection.lock("workers", name)
            connection.put("workers", name, None)
        for name in lapsed:
            await Shards.release_claims(connection, name)
            for table in LEASED:
                await connection.statement()
                await connection.update(
                    table,
                    connection.free(table),
                    lambda row, name=name: row["holder"] == name,
                    lambda row: FREE,
                )
        await connection.statement()
        return shards.Heartbeat(len(connection.rows("workers")), _divided(connection), step=step)

    async def _follow_clock_back(connection, *, lease_ms):
        now = connection.now_ms
        ahead = await connection.update(
            "workers",
            sorted(connection.rows("workers")),
            lambda row: row["heartbeat_ms"] > now + lease_ms,
            lambda row: {"heartbeat_ms": now, "was_ms": row["heartbeat_ms"]},
        )
        if not ahead:
            return None
        step_ms = max(row["was_ms"] - now for row in ahead)
        await connection.statement()
        await connection.update(
            "deliveries",
            connection.free("deliveries"),
            lambda row: (row["due_ms"] or 0) > now + (step_ms if row["claimed_by"] else 0),
            lambda row: {"due_ms": row["due_ms"] - step_ms},
        )
        await connection.statement()
        await connection.update(
            "replays",
            connection.free("replays"),
            lambda row: row["status"] == "running" and row["updated_ms"] > now,
            lambda row: {"updated_ms": now},
        )
        return shards.ClockStep(step_ms, now + step_ms - lease_ms)

    async def follow_late(connection, step):
        await connection.statement()
        now = connection.now_ms
        await connection.update(
            "deliveries",
            connection.free("deliveries"),
            lambda row: (
                (row["due_ms"] or 0) > max(step.edge_ms, now + step.step_ms if row["claimed_by"] else 0)
            ),
            lambda row: {"due_ms": row["due_ms"] - step.step_ms},
        )

    async def leave(connection, worker):
        await Shards.disown(connection, worker, ())
        await Shards.release_claims(connection, worker)
        await connection.statement()
        await connection.lock("workers", worker)
        connection.put("workers", worker, None)

    async def release_claims(connection, worker):
        await connection.statement()
        await connection.update(
            "deliveries",
            connection.free("deliveries"),
            lambda row: row["claimed_by"] == worker,
            lambda row: (
                {"due_ms": None, "claimed_by": None, "queued": 1}
                if row["status"] == "held"
                else {"due_ms": connection.now_ms, "claimed_by": None}
            ),
        )

    async def count(connection):
        return len(connection.rows("shards"))

    async def claim(connection, worker, *, limit, lease_ms):
        await connection.statement()
        return await _claim_free(
            connection, "shards", worker, fits=lambda _: True, limit=limit, lease_ms=lease_ms
        )

    async def renew(connection, worker, leases, *, lease_ms):
        await connection.statement()
        until = connection.now_ms + lease_ms
        return await _change_held(connection, worker, leases, lambda lease: {"lease_until_ms": until})

    async def release(connection, worker, leases):
        await connection.statement()
        await _change_held(connection, worker, leases, lambda lease: FREE)

    async def disown(connection, worker, known):
        for table in LEASED:
            await connection.statement()
            await connection.update(
                table,
                [*connection.rows(table)],
                lambda row: row["holder"] == worker and _slice(row) not in {lease.slice for lease in known},
                lambda row: FREE,
            )

    async def advance(connection, worker, leases):
        await connection.statement()
        still = await _change_held(connection, worker, leases, lambda lease: lease.reached._asdict())
        return still, connection.now_ms if still else 0


class SettleAtOnce:
    """``store.settle_at_once``."""

    async def settle(connection, worker, leases, attempts, *, subscriptions):
        await connection.statement()
        rows = connection.rows("subscriptions")
        if any(rows[no]["failures"] > 0 for no in subscriptions):
            return False
        held = await _change_held(connection, worker, leases, lambda lease: {})
        if len(held) < len(leases):
            return False
        await _change_held(connection, worker, leases, lambda lease: lease.reached._asdict())
        delivered = [
            deliveries.Settled(a.position, a.subscription_no, "delivered", a.number, a.status_code)
            for a in attempts
        ]
        await Ledger.record(connection, delivered, now_ms=connection.now_ms)
        await Ledger.insert_attempts(connection, attempts)
        return True


class ShardParts:
    """``store.shard_parts``."""

    async def divide(connection, worker, leases):
        for lease in leases:
            await connection.statement()
            changed = await connection.update(
                "shards",
                [lease.shard],
                lambda row, lease=lease: row["epoch"] == lease.epoch and row["holder"] == worker,
                lambda row: {
                    "holder": shard_parts.NOBODY,
                    "epoch": row["epoch"] + 1,
                    "lease_until_ms": shard_parts.FOR_GOOD_MS,
                },
            )
            if changed:
                await connection.statement()
                for part in range(PARTS):
                    reached = {name: changed[0][name] for name in shards.Reached._fields}
                    row = {"shard": lease.shard, "part": part, "epoch": 0, **FREE, **reached}
                    await connection.insert("shard_parts", (lease.shard, part), row)

    async def lacking(connection, worker, *, share):
        await connection.statement()
        now, own, free = connection.now_ms, Counter(), Counter()
        for (shard, _), row in connection.rows("shard_parts").items():
            own[shard] += row["holder"] == worker
            free[shard] += row["holder"] is None or row["lease_until_ms"] < now
        return {
            shard: min(share - own[shard], count)
            for shard, count in free.items()
            if count and own[shard] < share
        }

    async def claim(connection, worker, limits, *, lease_ms):
        leases = []
        for shard, limit in limits.items():
            await connection.statement()
            leases += await _claim_free(
                *(connection, "shard_parts", worker),
                fits=lambda row, shard=shard: row["shard"] == shard,
                limit=limit,
                lease_ms=lease_ms,
            )
        return leases


class Cursors:
    """``store.cursors``."""

    async def cursors_of(connection, shards):
        if not shards:
            return {}
        await connection.statement()
        return {no: connection.held(shard, no)["cursor"] for no, shard in shards.items()}

    async def cursor_of(connection, shard, subscription_no):
        await connection.statement()
        return connection.held(shard, subscription_no)["cursor"]


class Stream:
    """``store.stream``; ``append`` is the real one."""

    async def head(connection):
        await connection.statement()
        return stream.Head(connection.get("head", 1)["position"], connection.get("routing", 1)["version"])

    async def reserve(connection, count):
        await connection.statement()
        await connection.lock("head", 1)
        row = connection.get("head", 1)
        now = max(row["accepted_ms"], connection.now_ms)
        connection.put("head", 1, {"position": row["position"] + count, "accepted_ms": now})
        return stream.Reserved(row["position"] + 1, now, 0, now, connection.get("routing", 1)["version"])

    async def insert(connection, events, *, shards):
        await connection.statement()
        for event in events:
            await connection.insert("events", event.position, event)

    async def read_on(connection, shards, *, after, up_to, limit):
        head = await Stream.head(connection)
        events = _events(
            connection, after, lambda e: e.position <= up_to and connection.shard_of(e) in shards
        )
        return head, events[:limit]

    async def read_company(connection, company_id, *, types, after, limit):
        await connection.statement()
        events = _events(
            connection, after, lambda e: e.company_id == company_id and (not types or e.type in types)
        )
        return events[:limit]

    async def last_of_company(connection, company_id, *, up_to):
        await connection.statement()
        rows = connection.rows("events").values()
        return max(
            (e.position for e in rows if e.company_id == company_id and e.position <= up_to), default=0
        )

    async def read_page(connection, company_id, *, types, after, limit):
        events = await Stream.read_company(connection, company_id, types=types, after=after, limit=limit)
        return events, retention.LogBounds(0, connection.get("head", 1)["position"])

    async def by_positions(connection, positions):
        await connection.statement()
        rows = connection.rows("events")
        return {position: rows[position] for position in positions if position in rows}


class Subscriptions:
    """``store.subscriptions``."""

    async def next_version(connection):
        await connection.statement()
        await connection.lock("routing", 1)
        version = connection.get("routing", 1)["version"] + 1
        connection.put("routing", 1, {"version": version})
        return version

    async def lock_head(connection):
        await connection.statement()
        await connection.lock("head", 1)
        return connection.get("head", 1)["position"], connection.now_ms

    async def update(connection, no, changes, *, from_head=False):
        version = await subscriptions.next_version(connection)
        if from_head:
            head, _ = await subscriptions.lock_head(connection)
            changes = {**changes, "start_position": head}
        await connection.statement()
        await connection.lock("subscriptions", no)
        row = connection.get("subscriptions", no)
        row = {
            **row,
            **_columns(changes, row["options"]),
            "updated_ms": connection.now_ms,
            "version": version,
        }
        connection.put("subscriptions", no, row)
        return subscriptions.Row(**row)

    async def get(connection, subscription_id, *, to_change=False):
        await connection.statement()
        for no, row in connection.rows("subscriptions").items():
            if row["id"] == subscription_id and row["status"] != "deleted":
                if to_change:
                    await connection.lock("subscriptions", no)
                newest = connection.get("subscriptions", no)
                return subscriptions.Row(**newest) if newest["status"] != "deleted" else None
        return None

    async def by_number(connection, no):
        await connection.statement()
        return subscriptions.Row(**connection.rows("subscriptions")[no])

    filters_of_company = giving(())

    async def targets_of_companies(connection, company_ids):
        await connection.statement()
        return {}  # of the other environment, which no company has in these worlds

    async def note_gap(connection, no, *, position):
        await connection.statement()  # no client renews a subscription

    async def changed_since(connection, version):
        def place(row):
            return (row["version"] if version else 0, row["no"])

        reached = (version, float("inf") if version else 0)
        while True:
            await connection.statement()  # others may change rows between two pages
            rows = [row for row in connection.rows("subscriptions").values() if place(row) > reached]
            told = [row for row in rows if version or row["status"] != "deleted"]
            page = sorted(told, key=place)[:AT_ONCE]
            if page:
                yield [subscriptions.Row(**row) for row in page]
            if len(page) < AT_ONCE:
                return
            reached = place(page[-1])

    async def locked(connection, numbers):
        await connection.statement()
        for no in sorted(numbers):
            await connection.lock("subscriptions", no, share=True)
        return {no: connection.get("subscriptions", no)["status"] for no in numbers}


class Streaks:
    """``store.streaks``, without reports."""

    async def record_streaks(connection, counted, *, also=()):
        await connection.statement()
        failing = {s.subscription_no: s for s in counted if s.failures}
        surely = {*failing, *also}
        ended = {s.subscription_no for s in counted if s.succeeded}
        rows = connection.rows("subscriptions")
        for no in sorted({s.subscription_no for s in counted} | surely):
            if no in surely or rows[no]["failures"] > 0:
                await connection.lock("subscriptions", no)
                if no in ended:
                    row = connection.get("subscriptions", no)
                    connection.put("subscriptions", no, {**row, "failures": 0, "failing_since_ms": None})
        now = connection.now_ms
        changed = await connection.update(
            "subscriptions",
            [*failing],
            lambda row: True,
            lambda row: {
                "failures": row["failures"] + failing[row["no"]].failures,
                "failing_ms": row["failing_since_ms"]
                and (row["failing_ms"] or 0) + min(failing[row["no"]].passed_ms, now - row["failed_ms"]),
                "failing_since_ms": row["failing_since_ms"] or now,
                "failed_ms": now,
            },
        )
        failing_rows = [
            streaks.Failing(
                *(row["no"], row["channel"], row["failures"], row["failing_ms"] or 0),
                *(row["failing_since_ms"], None, None, now),
            )
            for row in changed
        ]
        return streaks.Recorded(failing_rows, {})

    async def disable(connection, endings, *, untold=()):
        if not endings:
            return []
        reasons = {ending.subscription_no: ending for ending in endings}
        await connection.statement()
        for no in sorted(reasons):
            await connection.lock("subscriptions", no)
        version = await subscriptions.next_version(connection)
        await connection.statement()
        changed = await connection.update(
            "subscriptions",
            sorted(reasons),
            lambda row: row["status"] == "active",
            lambda row: {
                "status": "disabled",
                "disabled_reason": reasons[row["no"]].reason,
                "disabled_ms": connection.now_ms,
                "version": version,
                "resume_position": max(reasons[row["no"]].resume_position, row["start_position"]),
            },
        )
        return [subscriptions.Row(**row) for row in changed]

    set_levels = tell_disabled = giving(None)


class Operational:
    """``store.operational``, without any events."""

    tell = gather = giving(None)
    has_gathered = has_news = giving(False)


class Conditions:
    """``store.conditions``; no condition ever begins."""

    look = giving(conditions.Found([], None, 0, was_told_behind=False))
    tell_limit = giving(None)


class Health:
    """``store.health``, without figures."""

    add = giving(None)
    figures = giving(MappingProxyType({}))


class NewSubscriptions:
    """``store.new_subscriptions``."""

    async def counts(connection, company_ids):
        await connection.statement()
        return {}

    async def insert(connection, columns, *, version, by=None):
        head, now = await Subscriptions.lock_head(connection)
        return [await NewSubscriptions._insert(connection, values, head, now, version) for values in columns]

    async def _insert(connection, values, head, now, version):
        connection.database.serials["subscriptions"] += 1
        no = connection.database.serials["subscriptions"]
        row = {**dict.fromkeys(subscriptions.Row.__slots__), "options": {}, "no": no, **_columns(values, {})}
        row |= {
            "start_position": head,
            "created_ms": now,
            "updated_ms": now,
            "failures": 0,
            "version": version,
        }
        await connection.insert("subscriptions", no, row)
        return subscriptions.Row(**row)


class Replays:
    """``store.replays``."""

    async def insert(connection, values):
        await connection.statement()
        connection.database.serials["replays"] += 1
        no = connection.database.serials["replays"]
        row = {**dict.fromkeys(replays.Row.__slots__), "no": no, **values, "matched": 0, "status": "running"}
        row |= {"created_ms": connection.now_ms, "updated_ms": connection.now_ms}
        await connection.insert("replays", no, row)
        return replays.Row(**row)

    async def get(connection, replay_id):
        await connection.statement()
        for row in connection.rows("replays").values():
            if row["id"] == replay_id:
                return replays.Row(**row)
        return None

    async def outstanding(connection, no, *, limit, with_held=False):
        await connection.statement()
        rows, statuses = connection.rows("deliveries").values(), OPEN if with_held else {"pending"}
        return min(sum(row["replay_no"] == no and row["status"] in statuses for row in rows), limit)

    async def take_next(connection, *, but=()):
        await connection.statement()
        subscribed = connection.rows("subscriptions")
        running = [
            (row["updated_ms"], no)
            for no, row in connection.rows("replays").items()
            if row["status"] == "running"
            and no not in but
            and subscribed[row["subscription_no"]]["status"] == "active"
            and connection.is_free("replays", no)
        ]
        if not running:
            return None
        no = min(running)[1]
        await connection.lock("replays", no)
        return replays.Row(**connection.get("replays", no))

    async def running(connection, *, limit):
        rows = connection.rows("replays").values()
        return min(sum(row["status"] == "running" for row in rows), limit)

    async def move(connection, no, *, position, matched):
        await connection.statement()
        await connection.update(
            "replays",
            [no],
            lambda row: True,
            lambda row: {
                "position": position,
                "matched": row["matched"] + matched,
                "updated_ms": connection.now_ms,
            },
        )

    async def end(connection, no, status):
        await connection.statement()
        return bool(
            await connection.update(
                "replays",
                [no],
                lambda row: row["status"] == "running",
                lambda row: {"status": status, "updated_ms": connection.now_ms, "delivered": 0},
            )
        )

    async def end_of_subscription(connection, subscription_no, status):
        await connection.statement()
        for no, row in [*connection.rows("replays").items()]:
            if row["subscription_no"] == subscription_no and row["status"] == "running":
                await Replays.end(connection, no, status)

    pins_of = giving(MappingProxyType({}))

    async def withdrawing(connection):
        await connection.statement()
        return {
            no: row["subscription_no"]
            for no, row in connection.rows("replays").items()
            if row["withdrawing"] is not None
        }

    async def withdraw(connection, no):
        await connection.statement()
        keys = set()
        some = sorted(
            (row["status"], key)
            for key, row in connection.rows("deliveries").items()
            if row["replay_no"] == no
            and row["status"] in OPEN
            and (row["claimed_by"] is None or _was_open(row))
        )
        for _, key in some[::-1][:PIECE]:
            await connection.lock("deliveries", key)
            row = connection.get("deliveries", key)
            is_tried, before = row["attempts"] > row["round_start"], row.get("status_before")
            if row["replay_no"] != no or row["status"] not in OPEN:
                continue
            if _was_open(row):
                connection.put("deliveries", key, {**row, "replay_no": None})
            elif row["claimed_by"] is None:
                status = "exhausted" if is_tried else before or "skipped"
                ended = {"status": status, "due_ms": None, "queued": None, "claim": row["claim"] + 1}
                connection.put("deliveries", key, {**row, **ended})
                keys.add(row["order_key"])
        await connection.statement()
        rows = connection.rows("deliveries").values()
        is_open = any(row["replay_no"] == no and row["status"] in OPEN for row in rows)
        await connection.update(
            "replays", [no], lambda row: True, lambda row: {"withdrawing": 1 if is_open else None}
        )
        return keys - {None}

    async def first_claimed(connection, replay, positions, *, within_ms):
        await connection.statement()
        if replay.created_ms <= connection.now_ms - within_ms:
            return None
        rows = connection.rows("deliveries")
        keys = [(position, replay.subscription_no) for position in positions]
        return min((key[0] for key in keys if key in rows and rows[key]["claimed_by"]), default=None)

    async def make_due(connection, replay, positions, *, again, worker=None, lease_ms=0):
        opened = await Replays._open(
            connection, replay, positions, again=again, worker=worker, lease_ms=lease_ms
        )
        rows = [(key, connection.get("deliveries", key)) for key in opened]
        return [
            deliveries.Claim(*key, row["attempts"], row["round_start"], row["claim"], row["replay_no"])
            for key, row in rows
        ]

    async def _open(connection, replay, positions, *, again, worker=None, lease_ms=0):
        if not positions:
            return []
        await connection.statement()
        opened = []
        due = {"status": "pending", "due_ms": connection.now_ms + lease_ms, "replay_no": replay.no}
        due |= {"order_key": None, "order_shard": None, "queued": None, "claimed_by": worker}
        for position in positions:
            key = (position, replay.subscription_no)
            if not again and key in connection.rows("deliveries"):
                continue
            fresh = {"position": position, "no": key[1], "attempts": 0, "round_start": 0}
            if await connection.insert("deliveries", key, {**fresh, **due, "claim": int(worker is not None)}):
                opened.append(key)
            elif again:
                row = connection.get("deliveries", key)
                is_in_order = row["order_key"] is not None and row["status"] in OPEN
                if row["claimed_by"] is None and not is_in_order:
                    again_due = {**due, "claim": row["claim"] + 1, "round_start": row["attempts"]}
                    again_due["status_before"] = status_before(row)
                    connection.put("deliveries", key, {**row, **again_due})
                    opened.append(key)
        return opened

    async def nth_position(connection, no, *, after, up_to, limit, is_open=False):
        await connection.statement()
        rows = connection.rows("deliveries")
        counted = (key for key in rows if not is_open or rows[key]["status"] in OPEN)
        positions = sorted(p for p, number in counted if number == no and after < p <= up_to)
        return positions[limit - 1] if len(positions) >= limit else up_to

    async def failed_positions(connection, subscription_no, *, after, up_to, limit):
        await connection.statement()
        rows, keys = connection.rows("deliveries"), _of(connection, subscription_no)
        failed = (key[0] for key in keys if after < key[0] <= up_to and rows[key]["status"] in FAILED)
        return sorted(failed)[:limit]


PIECE = 3
_WHICH = {
    Change.PARK: lambda row: (
        row["status"] == "pending" and row["due_ms"] is not None and row["claimed_by"] is None
    ),
    Change.WAKE: lambda row: (
        row["status"] in OPEN and row["due_ms"] is None and not row["queued"] and row["claimed_by"] is None
    ),
    Change.END: lambda row: row["status"] in OPEN,
}


async def _piece(connection, subscription_no, change, *, after, last):
    await connection.statement()
    rows, which = connection.rows("deliveries"), _WHICH[change]
    keys = sorted(
        key for key in _of(connection, subscription_no) if after < key[0] <= last and which(rows[key])
    )
    if not keys[:PIECE]:
        return None
    await connection.statement()
    how = {
        Change.PARK: lambda row: {"due_ms": None, "claim": row["claim"] + 1},
        Change.WAKE: lambda _: {"status": "pending", "due_ms": connection.now_ms},
        Change.END: lambda row: {
            "status": "gone",
            "due_ms": None,
            "claim": row["claim"] + 1,
            "claimed_by": None,
        },
    }
    await connection.update("deliveries", keys[:PIECE], which, how[change])
    return keys[PIECE - 1][0] if len(keys) >= PIECE else None


async def log_bounds(connection):
    await connection.statement()
    return retention.LogBounds(0, connection.get("head", 1)["position"])


MODELS = {
    agenda: Agenda,
    deliveries: Ledger,
    open_deliveries: OpenDeliveries,
    shards: Shards,
    settle_at_once: SettleAtOnce,
    shard_parts: ShardParts,
    cursors: Cursors,
    stream: Stream,
    subscriptions: Subscriptions,
    streaks: Streaks,
    operational: Operational,
    conditions: Conditions,
    health: Health,
    new_subscriptions: NewSubscriptions,
    replays: Replays,
    ordering: Queues,
    releasing: Releases,
    order_changes: Changes,
    paced: Paced,
    due: Due,
}


def install(patch):
    """Replace the functions of ``trunkline.store`` by the functions of this module."""
    for module, model in MODELS.items():
        for name, function in vars(model).items():
            if not name.startswith("_"):
                assert hasattr(module, name), name
                patch.setattr(module, name, function)
    patch.setattr(retention, "log_bounds", log_bounds)


LEASED = "shards", "shard_parts"
"""The tables of leases."""


async def _claim_free(connection, table, worker, *, fits, limit, lease_ms):
    now, leases = connection.now_ms, []
    for key, row in sorted(connection.rows(table).items()):
        is_nobodys = row["holder"] is None or row["lease_until_ms"] < now
        if len(leases) < limit and fits(row) and is_nobodys and connection.is_free(table, key):
            await connection.lock(table, key)
            taken = {**row, "holder": worker, "epoch": row["epoch"] + 1, "lease_until_ms": now + lease_ms}
            connection.put(table, key, taken)
            reached = shards.Reached(*(taken[name] for name in shards.Reached._fields))
            leases.append(shards.Lease(row["shard"], taken["epoch"], reached, row.get("part", WHOLE)))
    return leases


async def _change_held(connection, worker, leases, change):
    held = set()
    for lease in leases:
        table, key = ("shards", lease.shard) if lease.part == WHOLE else ("shard_parts", lease.slice)
        changed = await connection.update(
            table,
            [key],
            lambda row, lease=lease: row["epoch"] == lease.epoch and row["holder"] == worker,
            lambda row, lease=lease: change(lease),
        )
        if changed:
            held.add(lease.slice)
    return held


def _slice(row):
    return Slice(row["shard"], row.get("part", WHOLE))


def _divided(connection):
    return len({shard for shard, _ in connection.rows("shard_parts")})


def _columns(values, options):
    """Split the columns of a subscription into the columns of ``Row`` and its options, merged into the existing options."""
    named = {name: value for name, value in values.items() if name in subscriptions.Row.__slots__}
    more = {name: value for name, value in values.items() if name not in named}
    known = {name: value for name, value in {**options, **more}.items() if value is not None}
    return {**named, "options": known}


def _was_open(row):
    """Tell whether a delivery was open before a replay that has not yet tried the delivery."""
    return row["attempts"] == row["round_start"] and row.get("status_before") in OPEN


def _of(connection, subscription_no):
    return [key for key in connection.rows("deliveries") if key[1] == subscription_no]


def _events(connection, after, fits):
    rows = connection.rows("events")
    return [event for position, event in sorted(rows.items()) if position > after and fits(event)]
