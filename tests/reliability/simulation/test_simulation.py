"""A thousand worlds: the invariants hold although machines are killed, frozen or cut off.

A failing seed prints its last steps and the command that repeats it. The package's docstring lists the real and the modelled
parts of a world.
"""

import gc
import os

import pytest

from trunkline.dispatch.attempts.gates import Gate
from trunkline.dispatch.attempts.ordering import BlockedKeys, Ordering
from trunkline.dispatch.attempts.slots import Pool, Slots
from trunkline.dispatch.lanes.starting import Starter
from trunkline.dispatch.ledger import replay
from trunkline.dispatch.reading.matching_lane import MatchingLane
from trunkline.dispatch.shards.progress import Progress, Track
from trunkline.errors import LeaseLost
from trunkline.model import deliveries
from trunkline.model.deliveries import Key
from trunkline.model.parts import WHOLE, Slice, part_of
from trunkline.store import deliveries as ledger
from trunkline.store import due, paced, settle_at_once, stream
from trunkline.store import ordering as queues
from trunkline.store import shards as shard_store
from trunkline.store.shards import Reached

from . import queues as models
from .checks import Broken
from .stores import giving
from .world import World, explain, simulated

FEW, MANY = range(2), range(2, 100)
KINDS = {"has_switcher": "switches", "sets_clock": "clock", "takes_batches": "batches"}
"""The test of a world by its special feature."""


@pytest.fixture
def _simulated():
    gc.disable()  # worlds are small; ``live`` collects the garbage of fifty at once
    with simulated():
        yield
    gc.enable()


def live(seed, **more):
    if seed % 50 == 49:  # rarely: collecting a worker's objects takes longer than twenty worlds
        gc.collect()
    world = World(seed, **more)
    try:
        world.run()
    except Exception as error:
        which = next((name for option, name in KINDS.items() if option in more), "worlds")
        again = f"SIMULATION_SEED={seed} pytest {os.path.relpath(__file__)} -k 'again and {which}'"
        pytest.fail(
            f"{type(error).__name__}: {error}\n{explain(world)}\n\nseed {seed}; to repeat it: {again}"
        )
    return world


def _seeds(seeds):
    chosen = os.environ.get("SIMULATION_SEED")
    return [int(chosen)] if chosen else seeds


def _in_worlds(few, many):
    """Run a test with few seeds, and as three slow tests with many."""
    slow = [pytest.mark.slow, pytest.mark.timeout(300)]
    thirds = [pytest.param(many[third::3], id=f"many-{third}", marks=slow) for third in range(3)]
    return pytest.mark.parametrize("seeds", [pytest.param(few, id="again"), *thirds])


@_in_worlds(range(5), range(5, 800))
@pytest.mark.usefixtures("_simulated")
def test_in_all_worlds_nothing_is_lost_and_nothing_sent_twice_but_what_was_in_flight(seeds):
    for seed in _seeds(seeds):
        live(seed)


@_in_worlds(FEW, MANY)
@pytest.mark.usefixtures("_simulated")
def test_a_client_that_switches_between_push_and_poll_has_each_event_once_by_position_alone(seeds):
    for seed in _seeds(seeds):
        live(seed, has_switcher=True)


@_in_worlds(FEW, MANY)
@pytest.mark.usefixtures("_simulated")
def test_where_the_database_has_its_clock_set_back_an_hour_nothing_waits_for_it(seeds):
    for seed in _seeds(seeds):
        live(seed, sets_clock=True)


@_in_worlds(FEW, MANY)
@pytest.mark.usefixtures("_simulated")
def test_where_the_channel_takes_batches_each_delivery_of_one_is_as_any_other(seeds):
    worlds = [live(seed, takes_batches=True) for seed in _seeds(seeds)]
    assert max(world.largest_batch for world in worlds) > 1


@pytest.mark.usefixtures("_simulated")
def test_a_seed_gives_the_same_world_each_time():
    first, second = World(2), World(2)
    first.run()
    second.run()
    assert explain(first) == explain(second)
    assert first.checks.stretches, "the worlds have readers that catch up"
    assert first.database.tables == second.database.tables


def _cursor_that_skips(patch):
    patch.setattr(Progress, "reached", property(lambda progress: Reached(progress.live.read)))


def _a_matching_lane_that_holds_no_cursor(patch):
    put, match = MatchingLane.put, MatchingLane._match

    def put_and_let_go(self, event, track):
        put(self, event, track)
        track.progress.close(event.position)

    async def open_late(self, position, progress, event, known):
        progress.open(position, 1)
        await match(self, position, progress, event, known)

    patch.setattr(MatchingLane, "put", put_and_let_go)
    patch.setattr(MatchingLane, "_match", open_late)


def _settling_without_the_claim(patch):
    settle = ledger.settle

    async def settled(connection, worker, rows):
        tables = connection.rows("deliveries")
        current = [s._replace(claim=tables[s.position, s.subscription_no]["claim"]) for s in rows]
        owners = {tables[s.position, s.subscription_no]["claimed_by"] for s in rows}
        done = set()
        for owner in sorted(owners, key=str):
            done |= await settle(connection, owner, current)
        connection.notes = [
            n if n[0] != "settled" else ("settled", worker, rows, n[3]) for n in connection.notes
        ]
        return done

    patch.setattr(ledger, "settle", settled)


def _a_fence_that_is_ignored(patch):
    advance = shard_store.advance

    async def advanced(connection, worker, leases):
        _, now = await advance(connection, worker, leases)
        return {lease.slice for lease in leases}, now or connection.now_ms

    patch.setattr(shard_store, "advance", advanced)
    patch.setattr(settle_at_once, "settle", giving(False))  # it needs a transaction


def _a_holder_that_ignores_the_ledger(patch):
    patch.setattr(ledger, "keys_at", giving(set()))


def _slots_without_bounds(patch):
    make = Slots.__init__

    def made(self, total, *, per_subscription):
        make(self, total * 2, per_subscription=per_subscription)

    patch.setattr(Slots, "__init__", made)


def _no_slots_kept_for_the_trusted(patch):
    make = Slots.__init__

    def made(self, total, *, per_subscription):
        make(self, total, per_subscription=per_subscription)
        self._untrusted = Pool(total)

    patch.setattr(Slots, "__init__", made)


def _positions_without_the_lock(patch):
    numbers = {}

    async def reserve(connection, count):
        await connection.statement()
        database = connection.database
        first = numbers.get(database, 0) + 1
        numbers[database] = first + count - 1
        head = max(connection.get("head", 1)["position"], first + count - 1)
        connection.put("head", 1, {"position": head, "accepted_ms": connection.now_ms})
        return stream.Reserved(
            first, connection.now_ms, 0, connection.now_ms, connection.get("routing", 1)["version"]
        )

    patch.setattr(stream, "reserve", reserve)


def _retries_without_end(patch):
    decide = deliveries.next_state

    def next_state(attempt, result, policy, jitter):
        return decide(min(attempt, 1), result, policy, jitter)

    patch.setattr(deliveries, "next_state", next_state)


def _a_replay_that_outruns_the_live_lane(patch):
    async def cursor_of(connection, shard, subscription_no):
        return connection.get("head", 1)["position"]

    patch.setattr(replay, "cursors", type("Ahead", (), {"cursor_of": cursor_of}))


def _an_order_that_does_not_wait(patch):
    submit = Ordering.submit

    def submit_alone(self, job):
        self._queues.clear()
        submit(self, job)

    patch.setattr(Ordering, "submit", submit_alone)


def _an_order_that_forgets_the_ledger(patch):
    patch.setattr(BlockedKeys, "__contains__", lambda blocked, order_key: False)


def _turns_before_the_cursor_has_passed(patch):
    fronts = queues.fronts

    async def early(connection, wanted):
        return await fronts(connection, [(no, 2**63 - 1, most) for no, _, most in wanted])

    patch.setattr(queues, "fronts", early)


def _a_live_reader_that_overtakes_an_order(patch):
    patch.setattr(Track, "is_first_of", lambda track, company_id, *, cursor: True)


def _a_stretch_that_is_forgotten(patch):
    def go_on_at(self, head):
        self.live = Track(self, start=head, read=head)

    patch.setattr(Progress, "go_on_at", go_on_at)


def _what_is_new_before_what_was_missed(patch):
    patch.setattr(models, "_is_held_back", lambda connection, no: False)
    patch.setattr(models, "_barrier", lambda connection, no: 2**63 - 1)


def _claims_for_any_worker(patch):
    claim = due.claim

    async def oldest(connection, *, limit):
        await connection.statement()
        rows = connection.rows("deliveries").items()
        return [Key(*key) for key, row in rows if (row["due_ms"] or connection.now_ms) < connection.now_ms]

    async def claim_any(connection, kind, worker, keys, *, lease_ms):
        for key in ((key.position, key.subscription_no) for key in keys):
            if connection.is_free("deliveries", key):
                await connection.lock("deliveries", key)
                connection.put("deliveries", key, {**connection.get("deliveries", key), "order_shard": None})
        return await claim(connection, kind, worker, keys, lease_ms=lease_ms)

    patch.setattr(due, "oldest", oldest)
    patch.setattr(due, "claim", claim_any)


def _places_that_others_have_in_flight_taken_again(patch):
    patch.setattr(paced, "in_flight_elsewhere", giving({}))


def _a_pace_that_is_each_workers_own(patch):
    start = Starter.start

    async def start_here(self, claims, **more):
        await start(self, claims, **more | {"by_holder": True})

    patch.setattr(Starter, "start", start_here)
    patch.setattr(Starter, "progress_of", lambda self, route: next(iter(self.owned.progress.values()), None))


def _steps_that_are_not_counted(patch):
    patch.setattr(Gate, "wait", lambda gate: 0.0)


def _a_new_delivery_that_is_left_to_a_lane_that_passes_it_over(patch):
    waiting = due.waiting

    async def none(connection, kind, **more):
        return [] if kind == due.PACED else await waiting(connection, kind, **more)

    patch.setattr(due, "waiting", none)


def _parts_that_overlap(patch):
    patch.setattr(
        Slice, "has", lambda held, subscription_no: held.part in {WHOLE, part_of(subscription_no), 1}
    )


def _parts_that_have_a_gap(patch):
    patch.setattr(
        Slice, "has", lambda held, subscription_no: held.part in {WHOLE, part_of(subscription_no)} - {1}
    )


def _a_shard_that_is_divided_while_its_deliveries_are_open(patch):
    is_settled = Progress.is_settled.fget
    patch.setattr(
        Progress, "is_settled", property(lambda progress: progress.dividing or is_settled(progress))
    )


FAULTS = [  # with the first seed to try, which shows the fault
    (_cursor_that_skips, 1),
    (_a_holder_that_ignores_the_ledger, 15),
    (_slots_without_bounds, 3),
    (_positions_without_the_lock, 11),
    (_retries_without_end, 1),
    (_an_order_that_does_not_wait, 1),
    (_an_order_that_forgets_the_ledger, 5),
    (_steps_that_are_not_counted, 11),
    (_a_live_reader_that_overtakes_an_order, 9),
    (_a_stretch_that_is_forgotten, 1),
    # rarely found: any change in the course of the worlds makes the search long
    (_a_matching_lane_that_holds_no_cursor, 6),
    (_settling_without_the_claim, 5),
    (_a_fence_that_is_ignored, 528),
    (_no_slots_kept_for_the_trusted, 8),
    (_a_replay_that_outruns_the_live_lane, 40),
    (_turns_before_the_cursor_has_passed, 750),
    (_what_is_new_before_what_was_missed, 16),
    (_claims_for_any_worker, 0),
    (_parts_that_overlap, 10),
    (_parts_that_have_a_gap, 10),
    (_a_shard_that_is_divided_while_its_deliveries_are_open, 22),
    (_places_that_others_have_in_flight_taken_again, 559),
    (_a_pace_that_is_each_workers_own, 5),
    (_a_new_delivery_that_is_left_to_a_lane_that_passes_it_over, 5),
]


def find(seeds, *patches):
    """Search for a seed with which *patches* break an invariant; return the seed and the exception."""
    with simulated(*patches):
        for seed in seeds:
            try:
                World(seed).run()
            except (Broken, LeaseLost, KeyError) as broken:
                return seed, broken
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "first"), [pytest.param(*row, id=row[0].__name__.strip("_")) for row in FAULTS]
)
def test_a_fault_is_found_within_five_hundred_worlds(fault, first):
    assert find([*range(first, first + 500), *range(first)], fault)
