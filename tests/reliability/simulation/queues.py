"""The functions of ``trunkline.store.ordering`` and related modules over the database in memory, like ``stores``."""

# ruff: noqa: N805 - the class is a namespace of functions, which are put into a module

from collections import Counter
from itertools import takewhile

from trunkline.model.deliveries import OPEN, Key
from trunkline.store import due, subscriptions
from trunkline.store.deliveries import Claim
from trunkline.store.open_deliveries import Change
from trunkline.store.ordering import CLAIM_MS, OrderedClaim, Place

END = 2**63 - 1


class Queues:
    """``store.ordering``."""

    async def lock(connection, numbers, *, skip=False):
        await connection.statement()
        locked = set()
        for no in sorted(set(numbers)):
            if connection.get("subscriptions", no) and not (
                skip and not connection.is_free("subscriptions", no)
            ):
                await connection.lock("subscriptions", no)
                locked.add(no)
        return locked

    async def announce(connection, no):
        version = await subscriptions.next_version(connection)
        await connection.statement()
        await connection.update("subscriptions", [no], lambda row: True, lambda row: {"version": version})

    async def arrange(connection, places, *, lease_ms=CLAIM_MS):
        if not places:
            return
        await Queues.requeue(connection, places)
        await connection.statement()
        now = connection.now_ms
        for place in places:
            first = _first(connection, place)
            if first is None or first > _barrier(connection, place.subscription_no):
                continue

            def turn(row, is_on=place.is_on):
                due = now + lease_ms if row["claimed_by"] else now
                due = row["due_ms"] if row["due_ms"] is not None else due
                return {
                    "queued": None,
                    "status": "pending" if is_on else "held",
                    "due_ms": due if is_on else None,
                }

            await connection.update(
                "deliveries",
                [(first, place.subscription_no)],
                lambda row: row["queued"] or row["due_ms"] is None,
                turn,
            )

    async def requeue(connection, places):
        await connection.statement()
        for place in places:
            first = _first(connection, place)
            waits = place.is_on and first is not None and first > _barrier(connection, place.subscription_no)
            if first is not None:
                await connection.update(
                    "deliveries",
                    [key for key in _open(connection, place) if key[0] >= first],
                    lambda row, first=first, waits=waits: (
                        (row["position"] > first or (waits and row["status"] == "held"))
                        and not row["queued"]
                        and row["status"] in OPEN
                        and row["claimed_by"] is None
                    ),
                    lambda row: {"queued": 1, "status": "held", "due_ms": None},
                )

    async def places_between(connection, no, *, after, up_to):
        await connection.statement()
        rows = _open_in_order(connection, no)
        keys = {row["order_key"] for row in rows if after < row["position"] <= up_to}
        return [Place(no, key) for key in sorted(keys)]

    async def busy_keys(connection, no, *, limit):
        await connection.statement()
        if _is_held_back(connection, no):
            return None
        keys = {row["order_key"] for row in _open_in_order(connection, no) if not row["queued"]}
        return sorted(keys)[:limit]

    async def next_due_ms(connection, shards):
        await connection.statement()
        due = [
            row["due_ms"]
            for row in connection.rows("deliveries").values()
            if row["order_shard"] in shards and row["due_ms"] is not None and row["order_key"] is not None
        ]
        return max(min(due) - connection.now_ms, 0) if due else None

    async def fronts(connection, wanted):
        await connection.statement()
        now, fronts = connection.now_ms, []
        for no, position, most in wanted:
            due = sorted(
                (row["due_ms"], key)
                for key, row in connection.rows("deliveries").items()
                if key[1] == no
                and row["due_ms"] is not None
                and row["order_key"] is not None
                and row["due_ms"] <= now
                and key[0] <= min(position, _barrier(connection, no))
                and _is_first(connection, row)
            )
            fronts += [Key(*key) for _, key in due[:most]]
        return fronts

    async def claim(connection, worker, fronts, *, settled, run, lease_ms):
        await Queues.lock(connection, {front.subscription_no for front in fronts})
        await connection.statement()
        now = connection.now_ms
        rows = await connection.update(
            "deliveries",
            [(front.position, front.subscription_no) for front in fronts],
            lambda row: (
                row["due_ms"] is not None
                and row["due_ms"] <= now
                and row["order_key"] is not None
                and not row["queued"]
                and _is_first(connection, row)
                and row["position"] <= _barrier(connection, row["no"])
            ),
            lambda row: {"claimed_by": worker, "claim": row["claim"] + 1, "due_ms": now + lease_ms},
        )
        claimed = {(row["no"], row["order_key"]): [_claim(row)] for row in rows}
        await connection.statement()
        for (no, order_key), claims in claimed.items():
            if claims[0].attempts:
                continue
            front = connection.rows("deliveries")[claims[0].position, no]
            barrier = min(_barrier(connection, no), _reached(settled, front))
            behind = _behind(connection, Place(no, order_key), claims[0].position)[:run]
            rows = await connection.update(
                "deliveries",
                [key for key in behind if key[0] <= barrier],
                lambda row: row["status"] == "held",
                lambda row: {"claimed_by": worker, "claim": row["claim"] + 1, "queued": None},
            )
            claims += [_claim(row) for row in rows]
        await connection.statement()
        deliveries = connection.rows("deliveries")
        return [
            OrderedClaim(
                *place,
                claims,
                all(deliveries[key]["claimed_by"] == worker for key in _open(connection, Place(*place))),
            )
            for place, claims in claimed.items()
        ]


class Due:
    """``store.due``."""

    async def oldest(connection, *, limit):
        await connection.statement()
        found = sorted(
            (row["due_ms"], key)
            for key, row in connection.rows("deliveries").items()
            if _is_due(connection, due.FREE, row)
        )
        return [Key(*key) for _, key in found[:limit]]

    async def waiting(connection, kind, *, after, limit):
        await connection.statement()
        first = {}
        for row in connection.rows("deliveries").values():
            if _is_in(kind, row) and row["no"] > after:
                known = first.setdefault(row["no"], row)
                first[row["no"]] = min(known, row, key=lambda r: r["due_ms"])
        now = connection.now_ms
        return [
            due.Waiting(no, first[no]["order_shard"], first[no]["due_ms"] - now)
            for no in sorted(first)[:limit]
        ]

    async def pick(connection, kind, wanted):
        await connection.statement()
        keys = []
        for no, count in wanted.items():
            found = sorted(
                (row["due_ms"], key)
                for key, row in connection.rows("deliveries").items()
                if key[1] == no and _is_due(connection, kind, row)
            )
            half = found[: -(-count // 2)]
            keys += [Key(*key) for _, key in [*half, *(d for d in reversed(found) if d not in half)][:count]]
        return keys

    async def claim(connection, kind, worker, keys, *, lease_ms):
        if not keys:
            return []
        await connection.statement()
        claims = []
        for key in ((key.position, key.subscription_no) for key in keys):
            row = connection.rows("deliveries")[key]
            if not _is_due(connection, kind, row) or not connection.is_free("deliveries", key):
                continue
            await connection.lock("deliveries", key)
            row = connection.get("deliveries", key)
            if not _is_due(connection, kind, row):
                continue
            row = {
                **row,
                "claimed_by": worker,
                "claim": row["claim"] + 1,
                "due_ms": connection.now_ms + lease_ms,
            }
            connection.put("deliveries", key, row)
            claims.append(_claim(row))
        return sorted(claims, key=lambda claim: (claim.subscription_no, claim.position))


class Paced:
    """``store.paced``."""

    async def hand_over(connection, worker, claims):
        await connection.statement()
        now = connection.now_ms
        for claim, shard in claims:
            await connection.update(
                "deliveries",
                [(claim.position, claim.subscription_no)],
                lambda row, claim=claim: (
                    row["claim"] == claim.claim and row["claimed_by"] == worker and row["order_key"] is None
                ),
                lambda row, shard=shard: {"claimed_by": None, "due_ms": now, "order_shard": shard},
            )

    async def in_flight_elsewhere(connection, worker, numbers):
        await connection.statement()
        rows, others = connection.rows("deliveries").values(), connection.rows("workers").keys() - {worker}
        return Counter(
            row["no"]
            for row in rows
            if row["claimed_by"] in others
            and row["no"] in numbers
            and (row["due_ms"] is None or row["due_ms"] > connection.now_ms)
        )


def _is_in(kind, row):
    of_row = (
        due.FREE if row["order_shard"] is None else due.PACED if row["order_key"] is None else due.ORDERED
    )
    return row["due_ms"] is not None and kind == of_row


def _is_due(connection, kind, row):
    return _is_in(kind, row) and row["due_ms"] <= connection.now_ms


class Releases:
    """``store.releasing``, in pieces of one key."""

    async def release(connection, no):
        await _release_from(connection, no, -END)

    async def unreleased(connection, *, limit):
        await connection.statement()
        return sorted(connection.rows("unreleased"))[:limit]

    async def go_on(connection, no):
        if not await Queues.lock(connection, [no], skip=True):
            return
        await connection.statement()
        first = connection.get("unreleased", no)
        if first is not None:
            await _release_from(connection, no, first)


async def _release_from(connection, no, first_key):
    await connection.statement()
    now, barrier = connection.now_ms, _barrier(connection, no)
    known = {row["order_key"] for row in _open_in_order(connection, no)}
    keys = sorted(key for key in known if key >= first_key)
    first = _first(connection, Place(no, keys[0])) if keys else None
    if first is not None and first <= barrier:
        await connection.update(
            "deliveries",
            [(first, no)],
            lambda row: (
                row["status"] in OPEN and (row["queued"] or (row["due_ms"] is None and row["claimed_by"]))
            ),
            lambda row: {
                "queued": None,
                "status": "pending",
                "due_ms": now + CLAIM_MS if row["claimed_by"] else now,
            },
        )
    await connection.statement()
    await connection.lock("unreleased", no)
    connection.put("unreleased", no, keys[1] if len(keys) > 1 else None)


class Changes:
    """``store.order_changes``."""

    async def make_due(connection, replay, keys, *, shard, again):
        if not keys:
            return 0
        await connection.statement()
        made, no = 0, replay.subscription_no
        for position, order_key in keys.items():
            held = {
                "status": "held",
                "due_ms": None,
                "queued": 1,
                "order_key": order_key,
                "order_shard": shard,
            }
            fresh = {"position": position, "no": no, "attempts": 0, "round_start": 0, "claimed_by": None}
            row = {**fresh, **held, "claim": 0, "replay_no": replay.no}
            if await connection.insert("deliveries", (position, no), row):
                made += 1
                continue
            row = connection.get("deliveries", (position, no))
            if again and row["claimed_by"] is None:
                is_kept = row["order_key"] is not None and row["status"] in OPEN
                change = {} if is_kept else {**held, "claim": row["claim"] + 1}
                change |= {"replay_no": replay.no, "round_start": row["attempts"]}
                change["status_before"] = status_before(row)
                connection.put("deliveries", (position, no), {**row, **change})
                made += 1
        return made

    async def skip(connection, key):
        await connection.statement()
        changed = await connection.update(
            "deliveries",
            [(key.position, key.subscription_no)],
            lambda row: row["status"] in OPEN,
            lambda row: {
                "status": "skipped",
                "due_ms": None,
                "claim": row["claim"] + 1,
                "claimed_by": None,
                "queued": None,
            },
        )
        if changed and changed[0]["order_key"] is not None:
            await Queues.arrange(connection, [Place(key.subscription_no, changed[0]["order_key"])])


def _reached(settled, row):
    """Give the position up to which the ledger has all deliveries of *row*'s subscription; -1 if *settled* has none."""
    reached = settled(row["order_shard"], row["no"]) if row["order_shard"] is not None else None
    return -1 if reached is None else reached


def status_before(row):
    """Give the earlier status of a delivery that a replay reopens."""
    is_untried = row["status"] in OPEN and row["attempts"] == row["round_start"]
    before = row.get("status_before") if is_untried else None
    return before or row["status"]


def _open_in_order(connection, no):
    """Give the rows of a subscription's open deliveries that are in an order."""
    rows = connection.rows("deliveries").values()
    return [r for r in rows if r["no"] == no and r["order_key"] is not None and r["status"] in OPEN]


def _open(connection, place):
    """Give the open deliveries of *place* (a subscription and a key of its order), in the log's order."""
    rows = connection.rows("deliveries")
    return sorted(
        key
        for key, row in rows.items()
        if key[1] == place.subscription_no and row["order_key"] == place.order_key and row["status"] in OPEN
    )


def _first(connection, place):
    return next((position for position, _ in _open(connection, place)), None)


def _behind(connection, place, position):
    """Give the open deliveries of *place* after *position*, up to the next delivery that has a due time."""
    rows = connection.rows("deliveries")
    follows = [key for key in _open(connection, place) if key[0] > position]
    return [*takewhile(lambda key: rows[key]["due_ms"] is None, follows)]


def _is_first(connection, row):
    return _first(connection, Place(row["no"], row["order_key"])) == row["position"]


def _is_held_back(connection, no):
    """Tell whether any key may have open deliveries, because some become due, or are ended, piece by piece."""
    unsettled = connection.get("unsettled", no)
    is_ending = unsettled is not None and unsettled["change"] is Change.END
    return _barrier(connection, no) < END or connection.get("unreleased", no) is not None or is_ending


def _barrier(connection, no):
    if "ordering" not in connection.get("subscriptions", no)["options"]:
        return END
    return min(
        (
            row["position"]
            for row in connection.rows("replays").values()
            if row["subscription_no"] == no
            and row["status"] == "running"
            and row["position"] < row["end_position"]
        ),
        default=END,
    )


def _claim(row):
    return Claim(
        row["position"], row["no"], row["attempts"], row["round_start"], row["claim"], row["replay_no"]
    )
