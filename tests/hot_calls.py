"""The store's frequent calls, with arguments that fit ``tests.long_runs``.

They include the calls for one event, page or batch, and requests about one company. Calls that always read everything (an audit,
a backup, the counts of ``trunkline status``) are left out.
"""

from collections.abc import Mapping

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
    watermarks,
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

DRAFT = Draft(BIG, "lead.created", "2026-01-28T10:30:00Z", b"{}")
PAGE, CLAIMS, PIECE = 500, 100, 500
ALONE = 2**63 - 1
"""A position beyond all events."""


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
        "append": lambda c: stream.append(c, [DRAFT] * 3, shards=16),
        "head": stream.head,
        "read a page for some shards": lambda c: stream.read_on(
            c, [1, 5, 9], after=run.middle, up_to=run.middle + 50_000, limit=PAGE
        ),
        "read a page for all shards": lambda c: stream.read_on(
            c, range(16), after=run.middle, up_to=run.middle + 50_000, limit=PAGE
        ),
        "read the head for some shards": lambda c: stream.read_on(
            c, [1, 5, 9], after=run.head - 20, up_to=run.head, limit=PAGE
        ),
        "read events of claims": lambda c: stream.by_positions(c, spread),
        "companies of what came": lambda c: stream.companies_after(c, run.head - PAGE, run.head),
        "the event of a time": lambda c: stream.position_before(c, run.now_ms - 86_400_000),
        "the next event of a time": lambda c: stream.position_before(c, run.now_ms + 86_400_000),
    }


def _of_reading(run: LongRun) -> Mapping[str, Call]:
    rare = ("lead.created", "payment.failed", "never.seen")
    reads: dict[str, Call] = {}
    for name, company in {"big": BIG, "quiet": QUIET, "small": ORDINARY + 5, "new": ORDINARY - 1}.items():
        for where, after in {"from the begin": long_runs.FIRST, "from the middle": run.middle}.items():
            for what, types in {
                "": (),
                " of a type": rare[:1],
                " of a rare type": rare[1:2],
                " of types": rare,
            }.items():
                reads[f"poll {name}{what} {where}"] = lambda c, k=company, a=after, t=types: stream.read_page(
                    c, k, types=t, after=a, limit=50
                )
        reads |= {
            f"poll {name} at the head": lambda c, k=company: stream.read_page(
                c, k, types=(), after=run.head, limit=50
            ),
            f"sample of {name}": lambda c, k=company: stream.newest_of_company(c, k, type=None, limit=3),
            f"sample of a type of {name}": lambda c, k=company: stream.newest_of_company(
                c, k, type="payment.failed", limit=3
            ),
            f"count of {name}": lambda c, k=company: stream.count_company(
                c, k, type=None, after=run.middle, up_to=run.head, limit=PAGE
            ),
            f"first of {name}": lambda c, k=company: stream.first_of_company(c, k, after=run.middle),
            f"cursor of {name}": lambda c, k=company: retention.oldest_of_company(c, k, after=run.middle),
        }
    return reads


def _of_what_is_due(run: LongRun) -> Mapping[str, Call]:
    numbers = [BACKLOG, *range(ORDINARY, ORDINARY + 100, 4)]
    claims = [Claim(*key, 1, 0, 0) for key in run.backlog(CLAIMS)]
    return {
        "what there is to do": agenda.read,
        "next due": ledger.next_due_ms,
        "oldest due": lambda c: due.oldest(c, limit=PAGE),
        "due by subscription": lambda c: due.waiting(c, due.FREE, after=0, limit=100),
        "due of subscriptions": lambda c: due.pick(c, due.FREE, dict.fromkeys(numbers, 8)),
        "claim": lambda c: due.claim(c, due.FREE, "wrk_a", run.backlog(CLAIMS), lease_ms=1000),
        "paced by subscription": lambda c: due.waiting(c, due.PACED, after=0, limit=100),
        "paced of subscriptions": lambda c: due.pick(c, due.PACED, {PACED: 8, BACKLOG: 8}),
        "hand over": lambda c: paced.hand_over(c, "", [(claim, 7) for claim in claims]),
        "in flight elsewhere": lambda c: paced.in_flight_elsewhere(c, "wrk_c", [BACKLOG, ORDINARY + 4]),
        "how far the ledger goes": ledger.newest_position,
        "what the ledger has of a page": lambda c: ledger.keys_at(
            c, [key.position for key in run.spread(PAGE)]
        ),
        "retry by hand": lambda c: ledger.retry_now(c, run.spread(1)[0]),
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
        "next turn": lambda c: ordering.next_due_ms(c, range(16)),
        "in order by subscription": lambda c: due.waiting(c, due.ORDERED, after=5, limit=200),
        "fronts": lambda c: ordering.fronts(c, [(ORDERED, run.head, 32)]),
        "claim fronts": claim_fronts,
        "arrange": lambda c: ordering.arrange(c, places),
        "places of a stretch": lambda c: ordering.places_between(
            c, ORDERED, after=run.head - 20_000, up_to=run.head
        ),
        "held back": lambda c: ordering.is_held_back(c, ORDERED),
        "busy keys": lambda c: ordering.busy_keys(c, ORDERED, limit=1_000),
        "keys that wait no longer": lambda c: releasing.release(c, ORDERED),
        "subscriptions with keys to release": lambda c: releasing.unreleased(c, limit=100),
        "skip in an order": lambda c: order_changes.skip(c, fronts[0]),
        "retry a front": lambda c: order_changes.retry_front(c, fronts[0]),
        "reach of a replay in an order": lambda c: order_changes.reach(
            c, ORDERED, after=run.middle, up_to=run.head, limit=PIECE
        ),
    }


def _of_settling(run: LongRun) -> Mapping[str, Call]:
    new = [Key(run.head + n, BACKLOG) for n in range(1, CLAIMS)]
    claimed = run.backlog(CLAIMS)
    return {
        "settle claims": lambda c: ledger.settle(
            c, "", [Settled(key.position, key.subscription_no, "delivered", 1, 200) for key in claimed]
        ),
        "record": lambda c: ledger.record(c, [Settled(*key, "delivered", 1, 200) for key in new], now_ms=1),
        "log attempts": lambda c: ledger.insert_attempts(
            c, [Attempt(*key, 1, 1, 1, "delivered", 200, None, None) for key in new]
        ),
        "advance": lambda c: shards.advance(
            c, "wrk_a", [Lease(3, 1, Reached(run.middle)), Lease(4, 1, Reached(run.middle), 7)]
        ),
        "count failures": lambda c: streaks.record_streaks(
            c, [Streak(ORDINARY + n, n % 2 == 0, n % 2) for n in range(50)], also=[ORDINARY + 60]
        ),
        "status of subscriptions": lambda c: subscriptions.locked(c, range(ORDINARY, ORDINARY + 50)),
    }


def _of_workers(run: LongRun) -> Mapping[str, Call]:
    return {
        "beat": lambda c: shards.beat(
            c, "wrk_a", [Lease(3, 1, Reached(0)), Lease(4, 1, Reached(0), 7)], lease_ms=1000, lock_no=7
        ),
        "heartbeat": lambda c: shards.heartbeat(c, "wrk_a", lease_ms=1000),
        "take shards": lambda c: shards.claim(c, "wrk_a", limit=8, lease_ms=1000),
        "release claims of the dead": lambda c: shards.release_claims(c, "wrk_b"),
        "parts that are free": lambda c: shard_parts.lacking(c, "wrk_a", share=4),
        "take parts": lambda c: shard_parts.claim(c, "wrk_a", {4: 4}, lease_ms=1000),
        "how far shards are": lambda c: cursors.cursors_of(c, {ORDINARY: 1, ORDINARY + 1: 2}),
        "gauges": lambda c: status.figures(c, [run.middle, run.head - 5], limit=10_000),
        "due in all": lambda c: status.due(c, limit=10_000),
        "watermark": lambda c: watermarks.watermark(
            c, watermarks.Place(f"sub_{BACKLOG}", BIG, BIG % 16), position=None
        ),
        "watermark of an event": lambda c: watermarks.watermark(
            c, watermarks.Place(f"sub_{QUIET}", QUIET, QUIET % 16), position=run.head - 5
        ),
    }


def _of_replays(run: LongRun) -> Mapping[str, Call]:
    no = long_runs.RUNNING_REPLAY
    row = Replay(
        no,
        f"rpl_{no}",
        BACKLOG,
        BIG,
        "all",
        None,
        run.middle,
        run.head,
        0,
        None,
        "running",
        run.now_ms,
        0,
        None,
    )
    again = [key.position for key in run.backlog(CLAIMS)]
    new = range(run.head + 1, run.head + 100)
    in_order = {position: position % run.keys for position in again}
    ended, cancelled = long_runs.ENDED_REPLAY, long_runs.CANCELLED_REPLAY
    return {
        "next replay": lambda c: replays.take_next(c, but=[no + 100]),
        "replays of a subscription": lambda c: replays.of_subscription(c, BACKLOG, limit=50),
        "replays of a company": lambda c: replays.count_running(c, BIG),
        "outstanding of a replay": lambda c: replays.outstanding(c, cancelled, limit=2_000),
        "outstanding of a replay that is over": lambda c: replays.outstanding(c, ended, limit=1),
        "anything open of a replay": lambda c: order_changes.is_any_open(c, ended),
        "first claimed": lambda c: replays.first_claimed(c, row, again, within_ms=60_000),
        "make due again": lambda c: replays.make_due(c, row, again, again=True),
        "make due what is missing": lambda c: replays.make_due(c, row, new, again=False),
        "claim a page of a replay": lambda c: replays.make_due(
            c, row, again, again=True, worker="wrk_a", lease_ms=1
        ),
        "make due in an order": lambda c: order_changes.make_due(c, row, in_order, shard=BIG, again=True),
        "move a replay": lambda c: replays.move(c, no, position=run.middle, matched=3),
        "end replays of a subscription": lambda c: replays.end_of_subscription(c, ORDINARY + no, "cancelled"),
        "take back of a replay": lambda c: order_changes.take_back(c, cancelled, BACKLOG),
        "replays that take back": replays.withdrawing,
        "look of a replay": lambda c: replays.looked_to(
            c, QUIET, after=long_runs.FIRST, up_to=run.head, limit=PIECE
        ),
        "look of a replay for failed ones": lambda c: replays.failed_positions(
            c, ORDINARY + 2, after=long_runs.FIRST, up_to=run.head, limit=PIECE
        ),
    }


def _of_changes(run: LongRun) -> Mapping[str, Call]:
    parking, ending = open_deliveries.Change.PARK, open_deliveries.Change.END
    many = [PACED, ORDERED, *range(ORDINARY, ORDINARY + 100)]

    async def go_on(c):
        await open_deliveries.apply(c, BACKLOG, ending)
        await open_deliveries.go_on(c, BACKLOG)

    return {
        "pause": lambda c: open_deliveries.apply(c, BACKLOG, parking),
        "resume": lambda c: open_deliveries.apply(c, BACKLOG, open_deliveries.Change.WAKE),
        "resume in an order": lambda c: open_deliveries.apply(c, ORDERED, open_deliveries.Change.WAKE),
        "delete in an order": lambda c: open_deliveries.apply(c, ORDERED, ending),
        "delete, a piece later": go_on,
        "disable many": lambda c: open_deliveries.apply_to_all(c, many, parking),
        "subscriptions to settle": lambda c: open_deliveries.unsettled(c, limit=100),
        "disable": lambda c: streaks.disable(c, [Ending(BACKLOG, "target_gone", run.middle)]),
        "channels without held ones": lambda c: ledger.release_held(c, ["webhooks", "mcp"]),
    }


def _of_retention(run: LongRun) -> Mapping[str, Call]:
    half = Horizon(run.now_ms - long_runs.DAYS * 43_200_000, run.middle)
    old = [long_runs.FIRST + n for n in range(1, run.events // 4) if n % 50 not in (2, 5, 8)][:PIECE]

    async def remove(c):
        assert (await retention.remove(c, old)).events > PIECE // 2

    return {
        "where the log begins": retention.log_bounds,
        "horizon": lambda c: retention.horizon(c, before_ms=half.before_ms),
        "horizon of what is all young": lambda c: retention.horizon(c, before_ms=0),
        "oldest event": retention.oldest,
        "removable": lambda c: retention.removable(c, half, after=0, limit=PIECE, rows=5_000),
        "removable in the middle of a backlog": lambda c: retention.removable(
            c, Horizon(run.now_ms, run.head), after=run.middle, limit=PIECE, rows=5_000
        ),
        "remove": remove,
        "purge idempotency keys": lambda c: retention.purge_idempotency_keys(
            c, before_ms=run.now_ms, limit=PIECE
        ),
        "purge operation keys": lambda c: retention.purge_operation_keys(
            c, before_ms=run.now_ms, limit=PIECE
        ),
        "purge strays": lambda c: retention.purge_strays(c, limit=PIECE),
        "purge replays": lambda c: retention.purge_replays(c, before_ms=half.before_ms, limit=PIECE),
        "purge subscriptions": lambda c: retention.purge_subscriptions(
            c, before_ms=half.before_ms, limit=PIECE
        ),
        "purge quarantine": lambda c: quarantine.purge(c, before_ms=half.before_ms, limit=PIECE),
        "purge answers": lambda c: quarantine_answers.purge(c, before_ms=run.now_ms, limit=PIECE),
    }


def _of_erasures(run: LongRun) -> Mapping[str, Call]:
    async def rows_of(c, company, rows):
        """Remove rows as a batch of the erasure does."""
        await dialects.of_connection(c).prefer_indexes(c)
        await erasures._remove_rows(c, rows, company, PIECE)

    erasing: dict[str, Call] = {}
    for name, company in {"big": BIG, "quiet": QUIET, "small": ORDINARY + 5, "new": ORDINARY - 1}.items():
        erasure = Erasure("era_1", company, {}, 0, None)
        erasing |= {
            f"begin to erase {name}": lambda c, k=company: erasures.begin(c, k, id="era_1", plugins=()),
            f"a piece of {name}": lambda c, e=erasure: erasures.remove_piece(c, e, plugins=(), limit=PIECE),
            f"an event of {name}": lambda c, k=company: erasures._remove_events(c, k, PIECE),
        }
        for rows in (
            CompanyRows(
                "replays", "subscription_no IN (SELECT no FROM subscriptions WHERE company_id = :company)"
            ),
            *erasures._OF_COMPANY,
        ):
            erasing[f"{rows.table} of {name} where {rows.where}"] = lambda c, r=rows, k=company: rows_of(
                c, k, r
            )
    return {
        **erasing,
        "next erasure": lambda c: erasures.claim(c, "wrk_a", lease_ms=1000),
        "is anything erased": erasures.is_any_open,
        "was erased": lambda c: erasures.was_erased(c, BIG),
    }


def _of_the_delivery_log(run: LongRun) -> Mapping[str, Call]:
    async def exhausted(c, no):
        down_to = await delivery_log.looked_to(c, no, before=None, limit=5_000)
        await delivery_log.of_subscription(c, no, status="exhausted", before=None, limit=51, down_to=down_to)

    shown: dict[str, Call] = {}
    for name, no in {
        "big": BACKLOG,
        "quiet": QUIET,
        "ordered": ORDERED,
        "small": ORDINARY + 5,
        "new": 99,
    }.items():
        shown |= {
            f"deliveries of {name}": lambda c, n=no: delivery_log.of_subscription(
                c, n, status=None, before=None, limit=51
            ),
            f"deliveries of {name} before the middle": lambda c, n=no: delivery_log.of_subscription(
                c, n, status=None, before=run.middle, limit=51
            ),
            f"look for deliveries of {name}": lambda c, n=no: delivery_log.looked_to(
                c, n, before=None, limit=5_000
            ),
            f"exhausted ones of {name}": lambda c, n=no: exhausted(c, n),
            f"open ones of {name}": lambda c, n=no: delivery_log.count_open(c, n, among=10_000),
        }
    return {
        **shown,
        "deliveries of an event": lambda c: delivery_log.of_event(c, run.spread(1)[0].position),
        "the last answers to an event": lambda c: delivery_log.last_attempts(c, run.spread(1)[0].position),
        "a delivery": lambda c: delivery_log.get(c, run.spread(1)[0]),
        "its attempts": lambda c: delivery_log.attempts_of(c, run.spread(1)[0], limit=100),
    }


def _of_the_portal(run: LongRun) -> Mapping[str, Call]:
    times = [run.now_ms - n * 3_600_000 for n in range(49)]
    spans = [Span(run.head - n * 200 - 200, run.head - n * 200) for n in reversed(range(48))]
    day, everything = Span(run.head - 10_000, run.head), Span(0, run.head)
    shown: dict[str, Call] = {}
    for name, company in {"big": BIG, "quiet": QUIET, "small": ORDINARY + 5, "new": ORDINARY - 1}.items():
        shown |= {
            f"events of {name} in spans": lambda c, k=company: activity.count_events(c, k, spans),
            f"deliveries of {name} in a span": lambda c, k=company: activity.count_deliveries(c, k, day),
            f"outcomes of {name}": lambda c, k=company: activity.outcomes(c, k, spans, one_in=1),
            f"outcomes of {name}, one in ten": lambda c, k=company: activity.outcomes(c, k, spans, one_in=10),
            f"subscriptions of {name} by health": lambda c, k=company: activity.subscriptions_by_health(c, k),
            f"subscriptions of {name}": lambda c, k=company: activity.subscriptions(c, k),
            f"troubled ones of {name}": lambda c, k=company: activity.troubled(c, k, limit=20),
            f"newest events of {name}": lambda c, k=company: activity.newest_events(
                c, k, everything, types=(), limit=51
            ),
            f"newest events of types of {name}": lambda c, k=company: activity.newest_events(
                c, k, everything, types=("lead.created", "payment.failed"), limit=51
            ),
            f"neighbours in {name}": lambda c, k=company: activity.neighbours(c, k, run.middle),
            f"replays of {name}": lambda c, k=company: activity.replaying(c, k, limit=20),
            f"limits that {name} uses": lambda c, k=company: troubles.used(c, k),
            f"live ones of {name}": lambda c, k=company: troubles.live_subscriptions(c, k),
            f"unused keys of {name}": lambda c, k=company: activity.unused_keys(
                c, k, older_than_ms=1_000, limit=20
            ),
        }
        for kind in (Status.EXHAUSTED, Status.REJECTED, Status.HELD):
            shown[f"{kind} ones of {name}"] = lambda c, k=company, s=kind: activity.stuck(
                c, k, s, after=run.head - run.events // 10, count_limit=10_000, limit=20
            )
    return {
        **shown,
        "spans of times": lambda c: activity.positions_at(c, times),
        "deliveries of events": lambda c: activity.deliveries_of(c, [key.position for key in run.spread(50)]),
        "companies by number": lambda c: activity.companies(c, 1, 999, limit=20),
        "failing ones of all companies": lambda c: troubles.failing(c, limit=100, count_limit=1000),
        "disabled ones of all companies": lambda c: troubles.disabled(c, limit=100, count_limit=1000),
        "hours of one": lambda c: health.by_hour(c, 1),
        **{
            f"owner of {name}": lambda c, name=name: troubles.owner(c, name)
            for name in (str(run.middle), f"dlv_{run.middle}_1", "sub_a", "key_a")
        },
    }


def _of_requests(run: LongRun) -> Mapping[str, Call]:
    digests = [b"%032d" % n for n in range(ORDINARY, ORDINARY + 20)]
    uses = [idempotency.Use(BIG, f"new-{n}", b"f" * 32, run.head, 1) for n in range(20)]
    key = operation_keys.Key(BIG, "new", b"f" * 32)
    known = {(BIG, "key-15"), (BIG, "none"), (ORDINARY + 5, "key-20")}
    return {
        "keys": lambda c: keys.find_valid(c, digests),
        "touch keys": lambda c: keys.touch(c, [f"key_{n}" for n in range(ORDINARY, ORDINARY + 20)]),
        "keys of a company": lambda c: keys.list_keys(c, BIG),
        "keys made lately": lambda c: keys.count_made(c, BIG, within_ms=3_600_000),
        "valid keys": lambda c: keys.count_valid(c, BIG),
        "forget keys": lambda c: keys.forget_ended(c, BIG, but=10),
        "repeated requests": lambda c: idempotency.find(c, known, lifetime_ms=DAY_MS),
        "remember requests": lambda c: idempotency.remember(c, uses, now_ms=run.now_ms, lifetime_ms=DAY_MS),
        "take an action": lambda c: operation_keys.take(
            c, key, holder="api_a", lease_ms=1000, lifetime_ms=DAY_MS
        ),
        "finish an action": lambda c: operation_keys.finish(c, key, status=201, body=b"{}", holder="api_a"),
        "references": lambda c: directory._references(c, range(ORDINARY, ORDINARY + 50)),
        "companies of references": lambda c: directory._ids(c, ["reference-150", "none"]),
        "companies that are erased": directory._erasing,
        "limits": lambda c: companies.limits_of_all(c, [BIG, QUIET, ORDINARY]),
        "page of companies": lambda c: companies.page(c, reference=None, after=100, limit=50),
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
            f"quarantined ones of {name}": lambda c, w=which: quarantine.newest(c, w, before=None, limit=51),
            f"quarantined ones of {name} to release": lambda c, w=which: quarantine.oldest(
                c, w, after=0, limit=100, locks=True
            ),
        }
    return {
        **listed,
        "quarantine": lambda c: quarantine.insert(c, [event], now_ms=1),
        "remember answers": lambda c: quarantine_answers.remember(c, answers, now_ms=1),
        "answers": lambda c: quarantine_answers.find(
            c, [(BIG, "key-150"), (BIG, "none")], lifetime_ms=DAY_MS
        ),
        "a quarantined one": lambda c: quarantine.find(c, "qua_10", company_id=None),
        "quarantined ones by type": lambda c: quarantine.count_by_type(c, BIG, limit=10_000),
        "quarantined ones in all": lambda c: quarantine.count(c, limit=10_000),
    }


def _of_subscriptions(run: LongRun) -> Mapping[str, Call]:
    async def changed(c):
        async for _ in subscriptions.changed_since(c, ORDINARY + 150):
            break

    return {
        "a subscription": lambda c: subscriptions.get(c, f"sub_{BACKLOG}"),
        "a subscription by its number": lambda c: subscriptions.by_number(c, BACKLOG),
        "a subscription by its name": lambda c: subscriptions.by_name(c, BIG, channel="mcp", name="n"),
        "subscriptions that changed": changed,
        "subscriptions that lapse": lambda c: subscriptions.lapsed(c, limit=100),
        "next to lapse": subscriptions.first_expiry_ms,
        "lapsed ones of a company": lambda c: subscriptions.lapsed_of_company(c, BIG, beyond=10),
        "how many a company has": lambda c: new_subscriptions.count(c, BIG),
        "how many companies have": lambda c: new_subscriptions.counts(c, [BIG, ORDINARY]),
        "targets of companies": lambda c: subscriptions.targets_of_companies(c, [BIG, ORDINARY]),
    }
