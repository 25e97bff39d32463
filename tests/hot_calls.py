"""The store's frequent calls, with arguments that fit ``tests.long_runs``.

They include the calls for one event, page or batch, and requests about one company. Calls that always read everything (an audit,
a backup, the counts of ``trunkline status``) are left out.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests import long_runs
from tests.long_runs import BACKLOG, BIG, ORDERED, ORDINARY, PACED, QUIET, LongRun
from tests.plans import Call

from trunkline.contract import CompanyRows
from trunkline.errors import FieldError
from trunkline.model.deliveries import Key, Status
from trunkline.model.events import Draft
from trunkline.store import (
    activity,
    agenda,
    companies,
    cursors,
    delivery_log,
    dialects,
    directory,
    due,
    erasures,
    health,
    idempotency,
    keys,
    new_subscriptions,
    open_deliveries,
    operation_keys,
    order_changes,
    ordering,
    paced,
    quarantine,
    quarantine_answers,
    releasing,
    replays,
    retention,
    shard_parts,
    shards,
    status,
    streaks,
    stream,
    subscriptions,
    troubles,
)
from trunkline.store import deliveries as ledger
from trunkline.store.activity import Span
from trunkline.store.deliveries import Attempt, Claim, Settled
from trunkline.store.erasures import Erasure
from trunkline.store.quarantine import QuarantinedDraft, Which
from trunkline.store.quarantine_answers import Receipt
from trunkline.store.replays import Row as Replay
from trunkline.store.retention import Horizon
from trunkline.store.shards import Lease, Reached
from trunkline.store.streaks import Ending, Streak

DAY_MS = 86_400_000
COMPANIES = {"big": BIG, "quiet": QUIET, "small": ORDINARY + 5, "new": ORDINARY - 1}

DRAFT = Draft(BIG, "lead.created", "2026-01-28T10:30:00Z", b"{}")
PAGE, CLAIMS, PIECE = 500, 100, 500
ALONE = 2**63 - 1
"""A position beyond all events."""


def call(function: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Call:
    """Give the call of *function* with these arguments behind the connection."""
    return lambda connection: function(connection, *arguments, **named)


def calls(run: LongRun) -> dict[str, Call]:
    """Give every call by its purpose."""
    return {
        **_of_the_log(run),
        **_of_reading(run),
        **_of_what_is_due(run),
        **_of_orders(run),
        **_of_settling(run),
        **_of_workers(run),
        **_of_replays(run),
        **_of_changes(run),
        **_of_retention(run),
        **_of_erasures(run),
        **_of_the_delivery_log(run),
        **_of_the_portal(run),
        **_of_requests(run),
        **_of_quarantine(run),
        **_of_subscriptions(run),
    }


def _of_the_log(run: LongRun) -> Mapping[str, Call]:
    spread = [key.position for key in run.spread(CLAIMS)]
    return {
        "append": call(stream.append, [DRAFT] * 3, shards=16),
        "head": stream.head,
        "read a page for some shards": call(
            stream.read_on, [1, 5, 9], after=run.middle, up_to=run.middle + 50_000, limit=PAGE
        ),
        "read a page for all shards": call(
            stream.read_on, range(16), after=run.middle, up_to=run.middle + 50_000, limit=PAGE
        ),
        "read the head for some shards": call(
            stream.read_on, [1, 5, 9], after=run.head - 20, up_to=run.head, limit=PAGE
        ),
        "read events of claims": call(stream.by_positions, spread),
        "companies of what came": call(stream.companies_after, run.head - PAGE, run.head),
        "the event of a time": call(stream.position_before, run.now_ms - 86_400_000),
        "the next event of a time": call(stream.position_before, run.now_ms + 86_400_000),
    }


def _of_reading(run: LongRun) -> Mapping[str, Call]:
    rare = ("lead.created", "payment.failed", "never.seen")
    reads: dict[str, Call] = {}
    for name, company in COMPANIES.items():
        for where, after in {"from the begin": long_runs.FIRST, "from the middle": run.middle}.items():
            for what, types in {
                "": (),
                " of a type": rare[:1],
                " of a rare type": rare[1:2],
                " of types": rare,
            }.items():
                reads[f"poll {name}{what} {where}"] = call(
                    stream.read_page, company, types=types, after=after, limit=50
                )
        reads |= {
            f"poll {name} at the head": call(stream.read_page, company, types=(), after=run.head, limit=50),
            f"sample of {name}": call(stream.newest_of_company, company, types=(), limit=3),
            f"sample of a type of {name}": call(
                stream.newest_of_company, company, types=("payment.failed",), limit=3
            ),
            f"count of {name}": call(
                stream.count_company, company, type=None, after=run.middle, up_to=run.head, limit=PAGE
            ),
            f"first of {name}": call(stream.first_of_company, company, after=run.middle),
            f"cursor of {name}": call(retention.oldest_of_company, company, after=run.middle),
        }
    return reads


def _of_what_is_due(run: LongRun) -> Mapping[str, Call]:
    numbers = [BACKLOG, *range(ORDINARY, ORDINARY + 100, 4)]
    claims = [Claim(*key, 1, 0, 0) for key in run.backlog(CLAIMS)]
    return {
        "what there is to do": agenda.read,
        "next due": ledger.next_due_ms,
        "oldest due": call(due.oldest, limit=PAGE),
        "due by subscription": call(due.waiting, due.FREE, after=0, limit=100),
        "due of subscriptions": call(due.pick, due.FREE, dict.fromkeys(numbers, 8)),
        "claim": call(due.claim, due.FREE, "wrk_a", run.backlog(CLAIMS), lease_ms=1000),
        "paced by subscription": call(due.waiting, due.PACED, after=0, limit=100),
        "paced of subscriptions": call(due.pick, due.PACED, {PACED: 8, BACKLOG: 8}),
        "hand over": call(paced.hand_over, "", [(claim, 7) for claim in claims]),
        "in flight elsewhere": call(paced.in_flight_elsewhere, "wrk_c", [BACKLOG, ORDINARY + 4]),
        "how far the ledger goes": ledger.newest_position,
        "what the ledger has of a page": call(ledger.keys_at, [key.position for key in run.spread(PAGE)]),
        "retry by hand": call(ledger.retry_now, run.spread(1)[0]),
    }


def _of_orders(run: LongRun) -> Mapping[str, Call]:
    def settled(shard, subscription_no):
        return run.head

    places = [ordering.Place(ORDERED, key) for key in range(min(run.keys, 50))]
    first = run.events // 5 * 4 // 30 * 30 + 30
    fronts = [Key(long_runs.FIRST + first + 30 * n, ORDERED) for n in range(min(run.keys, 50))]

    async def claim_fronts(c):
        assert await ordering.claim(c, "wrk_a", fronts, settled=settled, run=32, lease_ms=1000)

    return {
        "next turn": call(ordering.next_due_ms, range(16)),
        "in order by subscription": call(due.waiting, due.ORDERED, after=5, limit=200),
        "fronts": call(ordering.fronts, [(ORDERED, run.head, 32)]),
        "claim fronts": claim_fronts,
        "arrange": call(ordering.arrange, places),
        "places of a stretch": call(
            ordering.places_between, ORDERED, after=run.head - 20_000, up_to=run.head
        ),
        "busy keys": call(ordering.busy_keys, ORDERED, limit=1_000),
        "keys that wait no longer": call(releasing.release, ORDERED),
        "subscriptions with keys to release": call(releasing.unreleased, limit=100),
        "skip in an order": call(order_changes.skip, fronts[0]),
        "retry a front": call(order_changes.retry_front, fronts[0]),
        "reach of a replay in an order": call(
            replays.nth_position, ORDERED, after=run.middle, up_to=run.head, limit=PIECE, is_open=True
        ),
    }


def _of_settling(run: LongRun) -> Mapping[str, Call]:
    new = [Key(run.head + n, BACKLOG) for n in range(1, CLAIMS)]
    claimed = run.backlog(CLAIMS)
    return {
        "settle claims": call(
            ledger.settle,
            "",
            [Settled(key.position, key.subscription_no, "delivered", 1, 200) for key in claimed],
        ),
        "record": call(ledger.record, [Settled(*key, "delivered", 1, 200) for key in new], now_ms=1),
        "log attempts": call(
            ledger.insert_attempts, [Attempt(*key, 1, 1, 1, "delivered", 200, None, None) for key in new]
        ),
        "advance": call(
            shards.advance, "wrk_a", [Lease(3, 1, Reached(run.middle)), Lease(4, 1, Reached(run.middle), 7)]
        ),
        "count failures": call(
            streaks.record_streaks,
            [Streak(ORDINARY + n, n % 2 == 0, n % 2) for n in range(50)],
            also=[ORDINARY + 60],
        ),
        "status of subscriptions": call(subscriptions.locked, range(ORDINARY, ORDINARY + 50)),
    }


def _of_workers(run: LongRun) -> Mapping[str, Call]:
    return {
        "beat": call(
            shards.beat,
            "wrk_a",
            [Lease(3, 1, Reached(0)), Lease(4, 1, Reached(0), 7)],
            lease_ms=1000,
            lock_no=7,
        ),
        "heartbeat": call(shards.heartbeat, "wrk_a", lease_ms=1000),
        "take shards": call(shards.claim, "wrk_a", limit=8, lease_ms=1000),
        "release claims of the dead": call(shards.release_claims, "wrk_b"),
        "parts that are free": call(shard_parts.lacking, "wrk_a", share=4),
        "take parts": call(shard_parts.claim, "wrk_a", {4: 4}, lease_ms=1000),
        "how far shards are": call(cursors.cursors_of, {ORDINARY: 1, ORDINARY + 1: 2}),
        "gauges": call(status.figures, [run.middle, run.head - 5], limit=10_000),
        "watermark": call(cursors.watermark, cursors.Place(f"sub_{BACKLOG}", BIG, BIG % 16), position=None),
        "watermark of an event": call(
            cursors.watermark, cursors.Place(f"sub_{QUIET}", QUIET, QUIET % 16), position=run.head - 5
        ),
    }


def _of_replays(run: LongRun) -> Mapping[str, Call]:
    no = long_runs.RUNNING_REPLAY
    row = Replay(
        *(no, f"rpl_{no}", BACKLOG, BIG, "all", None, run.middle, run.head, 0, None),
        *("running", run.now_ms, 0, None),
    )
    again = [key.position for key in run.backlog(CLAIMS)]
    new = range(run.head + 1, run.head + 100)
    in_order = {position: position % run.keys for position in again}
    ended, cancelled = long_runs.ENDED_REPLAY, long_runs.CANCELLED_REPLAY
    return {
        "next replay": call(replays.take_next, but=[no + 100]),
        "replays of a subscription": call(replays.of_subscription, BACKLOG, limit=50),
        "replays of a company": call(replays.count_running, BIG),
        "outstanding of a replay": call(replays.outstanding, cancelled, limit=2_000),
        "outstanding of a replay that is over": call(replays.outstanding, ended, limit=1),
        "anything open of a replay": call(replays.outstanding, ended, limit=1, with_held=True),
        "first claimed": call(replays.first_claimed, row, again, within_ms=60_000),
        "make due again": call(replays.make_due, row, again, again=True),
        "make due what is missing": call(replays.make_due, row, new, again=False),
        "claim a page of a replay": call(
            replays.make_due, row, again, again=True, worker="wrk_a", lease_ms=1
        ),
        "make due in an order": call(order_changes.make_due, row, in_order, shard=BIG, again=True),
        "move a replay": call(replays.move, no, position=run.middle, matched=3),
        "end replays of a subscription": call(replays.end_of_subscription, ORDINARY + no, "cancelled"),
        "take back of a replay": call(order_changes.take_back, cancelled, BACKLOG),
        "replays that take back": replays.withdrawing,
        "look of a replay": call(
            replays.nth_position, QUIET, after=long_runs.FIRST, up_to=run.head, limit=PIECE
        ),
        "look of a replay for failed ones": call(
            replays.failed_positions, ORDINARY + 2, after=long_runs.FIRST, up_to=run.head, limit=PIECE
        ),
    }


def _of_changes(run: LongRun) -> Mapping[str, Call]:
    parking, ending = open_deliveries.Change.PARK, open_deliveries.Change.END
    many = [PACED, ORDERED, *range(ORDINARY, ORDINARY + 100)]

    async def go_on(c):
        await open_deliveries.apply(c, BACKLOG, ending)
        await open_deliveries.go_on(c, BACKLOG)

    return {
        "pause": call(open_deliveries.apply, BACKLOG, parking),
        "resume": call(open_deliveries.apply, BACKLOG, open_deliveries.Change.WAKE),
        "resume in an order": call(open_deliveries.apply, ORDERED, open_deliveries.Change.WAKE),
        "delete in an order": call(open_deliveries.apply, ORDERED, ending),
        "delete, a piece later": go_on,
        "disable many": call(open_deliveries.apply_to_all, many, parking),
        "subscriptions to settle": call(open_deliveries.unsettled, limit=100),
        "disable": call(streaks.disable, [Ending(BACKLOG, "target_gone", run.middle)]),
        "channels without held ones": call(ledger.release_held, ["webhooks", "mcp"]),
    }


def _of_retention(run: LongRun) -> Mapping[str, Call]:
    half = Horizon(run.now_ms - long_runs.DAYS * 43_200_000, run.middle)
    old = [long_runs.FIRST + n for n in range(1, run.events // 4) if n % 50 not in (2, 5, 8)][:PIECE]

    async def remove(c):
        assert (await retention.remove(c, old))["events"] > PIECE // 2

    return {
        "where the log begins": retention.log_bounds,
        "horizon": call(retention.horizon, before_ms=half.before_ms),
        "horizon of what is all young": call(retention.horizon, before_ms=0),
        "oldest event": retention.oldest,
        "removable": call(retention.removable, half, after=0, limit=PIECE, rows=5_000),
        "removable in the middle of a backlog": call(
            retention.removable, Horizon(run.now_ms, run.head), after=run.middle, limit=PIECE, rows=5_000
        ),
        "remove": remove,
        **{
            f"purge {table}": call(
                retention.purge,
                table,
                before_ms=run.now_ms if table in retention.USED_KEYS else half.before_ms,
                limit=PIECE,
            )
            for table in retention.PURGED
        },
    }


def _of_erasures(run: LongRun) -> Mapping[str, Call]:
    async def rows_of(c, company, rows):
        """Remove rows as a batch of the erasure does."""
        await dialects.of_connection(c).prefer_indexes(c)
        await erasures._remove_rows(c, rows, company, PIECE)

    erasing: dict[str, Call] = {}
    for name, company in COMPANIES.items():
        erasure = Erasure("era_1", company, {}, 0, None)
        erasing |= {
            f"begin to erase {name}": call(erasures.begin, company, id="era_1", plugins=()),
            f"a piece of {name}": call(erasures.remove_piece, erasure, plugins=(), limit=PIECE),
            f"an event of {name}": call(erasures._remove_events, company, PIECE),
        }
        for rows in (
            CompanyRows(
                "replays", "subscription_no IN (SELECT no FROM subscriptions WHERE company_id = :company)"
            ),
            *erasures._OF_COMPANY,
        ):
            erasing[f"{rows.table} of {name} where {rows.where}"] = call(rows_of, company, rows)
    return {
        **erasing,
        "next erasure": call(erasures.claim, "wrk_a", lease_ms=1000),
        "is anything erased": erasures.is_any_open,
        "was erased": call(erasures.was_erased, BIG),
    }


def _of_the_delivery_log(run: LongRun) -> Mapping[str, Call]:
    async def exhausted(c, no):
        down_to = await delivery_log.looked_to(c, no, before=None, limit=5_000)
        await delivery_log.of_subscription(c, no, status="exhausted", before=None, limit=51, down_to=down_to)

    shown: dict[str, Call] = {}
    for name, no in (COMPANIES | {"big": BACKLOG, "ordered": ORDERED}).items():
        shown |= {
            f"deliveries of {name}": call(
                delivery_log.of_subscription, no, status=None, before=None, limit=51
            ),
            f"deliveries of {name} before the middle": call(
                delivery_log.of_subscription, no, status=None, before=run.middle, limit=51
            ),
            f"look for deliveries of {name}": call(delivery_log.looked_to, no, before=None, limit=5_000),
            f"exhausted ones of {name}": call(exhausted, no),
            f"open ones of {name}": call(delivery_log.count_open, no, among=10_000),
        }
    return {
        **shown,
        "deliveries of an event": call(delivery_log.of_event, run.spread(1)[0].position),
        "the last answers to an event": call(delivery_log.last_attempts, run.spread(1)[0].position),
        "a delivery": call(delivery_log.get, run.spread(1)[0]),
        "its attempts": call(delivery_log.attempts_of, run.spread(1)[0], limit=100),
    }


def _of_the_portal(run: LongRun) -> Mapping[str, Call]:
    times = [run.now_ms - n * 3_600_000 for n in range(49)]
    spans = [Span(run.head - n * 200 - 200, run.head - n * 200) for n in reversed(range(48))]
    day = Span(run.head - 10_000, run.head)
    shown: dict[str, Call] = {}
    for name, company in COMPANIES.items():
        shown |= {
            f"events of {name} in spans": call(activity.count_events, company, spans),
            f"deliveries of {name} in a span": call(activity.count_deliveries, company, day),
            f"outcomes of {name}": call(activity.outcomes, company, spans, one_in=1),
            f"outcomes of {name}, one in ten": call(activity.outcomes, company, spans, one_in=10),
            f"subscriptions of {name} by health": call(activity.subscriptions_by_health, company),
            f"subscriptions of {name}": call(activity.subscriptions, company),
            f"troubled ones of {name}": call(activity.troubled, company, limit=20),
            f"newest events of {name}": call(stream.newest_of_company, company, types=(), limit=51),
            f"newest events of types of {name}": call(
                stream.newest_of_company,
                company,
                types=("lead.created", "payment.failed"),
                limit=51,
            ),
            f"neighbours in {name}": call(activity.neighbours, company, run.middle),
            f"replays of {name}": call(activity.replaying, company, limit=20),
            f"limits that {name} uses": call(troubles.used, company),
            f"live ones of {name}": call(troubles.live_subscriptions, company),
            f"unused keys of {name}": call(activity.unused_keys, company, older_than_ms=1_000, limit=20),
        }
        for kind in (Status.EXHAUSTED, Status.REJECTED, Status.HELD):
            shown[f"{kind} ones of {name}"] = call(
                activity.stuck, company, kind, after=run.head - run.events // 10, count_limit=10_000, limit=20
            )
    return {
        **shown,
        "spans of times": call(activity.positions_at, times),
        "deliveries of events": call(activity.deliveries_of, [key.position for key in run.spread(50)]),
        "companies by number": call(activity.companies, 1, 999, limit=20),
        "failing ones of all companies": call(troubles.failing, limit=100, count_limit=1000),
        "disabled ones of all companies": call(troubles.disabled, limit=100, count_limit=1000),
        "hours of one": call(health.by_hour, 1),
        **{
            f"owner of {name}": call(troubles.owner, name)
            for name in (str(run.middle), f"dlv_{run.middle}_1", "sub_a", "key_a")
        },
    }


def _of_requests(run: LongRun) -> Mapping[str, Call]:
    digests = [b"%032d" % n for n in range(ORDINARY, ORDINARY + 20)]
    uses = [idempotency.Use(BIG, f"new-{n}", b"f" * 32, run.head, 1) for n in range(20)]
    key = operation_keys.Key(BIG, "new", b"f" * 32)
    known = {(BIG, "key-15"), (BIG, "none"), (ORDINARY + 5, "key-20")}
    return {
        "keys": call(keys.find_valid, digests),
        "touch keys": call(keys.touch, [f"key_{n}" for n in range(ORDINARY, ORDINARY + 20)]),
        "keys of a company": call(keys.list_keys, BIG),
        "keys made lately": call(keys.count_made, BIG, within_ms=3_600_000),
        "valid keys": call(keys.count_valid, BIG),
        "forget keys": call(keys.forget_ended, BIG, but=10),
        "repeated requests": call(idempotency.find, known, lifetime_ms=DAY_MS),
        "remember requests": call(idempotency.remember, uses, now_ms=run.now_ms, lifetime_ms=DAY_MS),
        "take an action": call(operation_keys.take, key, holder="api_a", lease_ms=1000, lifetime_ms=DAY_MS),
        "finish an action": call(operation_keys.finish, key, status=201, body=b"{}", holder="api_a"),
        "references": call(directory._references, range(ORDINARY, ORDINARY + 50)),
        "companies of references": call(directory._ids, ["reference-150", "none"]),
        "companies that are erased": directory._erasing,
        "limits": call(companies.limits_of_all, [BIG, QUIET, ORDINARY]),
        "page of companies": call(companies.page, reference=None, after=100, limit=50),
        "a new company": companies.new_id,
    }


def _of_quarantine(run: LongRun) -> Mapping[str, Call]:
    event = QuarantinedDraft(0, "qua_new", DRAFT, [FieldError("/a", "is wrong")])
    answers = {(BIG, "new"): [Receipt.of(event)]}
    chosen = {
        "all": Which(),
        "big": Which(BIG),
        "quiet": Which(QUIET),
        "a type": Which(None, "lead.created"),
        "a type of big": Which(BIG, "payment.failed"),
    }
    listed: dict[str, Call] = {}
    for name, which in chosen.items():
        listed |= {
            f"quarantined ones of {name}": call(quarantine.newest, which, before=None, limit=51),
            f"quarantined ones of {name} to release": call(
                quarantine.oldest, which, after=0, limit=100, locks=True
            ),
        }
    return {
        **listed,
        "quarantine": call(quarantine.insert, [event], now_ms=1),
        "remember answers": call(quarantine_answers.remember, answers, now_ms=1),
        "answers": call(quarantine_answers.find, [(BIG, "key-150"), (BIG, "none")], lifetime_ms=DAY_MS),
        "a quarantined one": call(quarantine.find, "qua_10", company_id=None),
        "quarantined ones by type": call(quarantine.count_by_type, BIG, limit=10_000),
    }


def _of_subscriptions(run: LongRun) -> Mapping[str, Call]:
    async def changed(c):
        async for _ in subscriptions.changed_since(c, ORDINARY + 150):
            break

    return {
        "a subscription": call(subscriptions.get, f"sub_{BACKLOG}"),
        "a subscription by its number": call(subscriptions.by_number, BACKLOG),
        "a subscription by its name": call(subscriptions.by_name, BIG, channel="mcp", name="n"),
        "subscriptions that changed": changed,
        "subscriptions that lapse": call(subscriptions.lapsed, limit=100),
        "next to lapse": subscriptions.first_expiry_ms,
        "lapsed ones of a company": call(subscriptions.lapsed_of_company, BIG, beyond=10),
        "how many a company has": call(new_subscriptions.count, BIG),
        "how many companies have": call(new_subscriptions.counts, [BIG, ORDINARY]),
        "targets of companies": call(subscriptions.targets_of_companies, [BIG, ORDINARY]),
    }
