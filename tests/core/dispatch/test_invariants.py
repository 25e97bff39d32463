"""Rules of the dispatcher that several parts share."""

import ast
import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.waiting import until

from trunkline import dispatch
from trunkline.dispatch.attempts import open_limit
from trunkline.dispatch.attempts.jobs import Deferred, Ended
from trunkline.dispatch.ledger.batch import Batch
from trunkline.dispatch.reading import matching_lane
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.deliveries import NextState, Outcome, Result, Status
from trunkline.store import shards as shard_store
from trunkline.store.shards import Lease, Reached
from trunkline_kit.receiver import Answer

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
WRITERS = {
    "leases.py": {"draining", "lease", "lost", "since", "valid_until"},
    "dividing.py": {"dividing"},
    "ordering.py": {"claimed"},
    "settlement.py": {"lost", "written"},
}
"""The fields of a ``Progress`` that each module writes; all other modules read them, or call methods."""


@on_sqlite
async def test_a_stopping_worker_keeps_its_shards_until_attempts_have_ended(
    open_house, receiver, monkeypatch
):
    monkeypatch.setattr("trunkline.dispatch.dispatcher.STOP_SECONDS", 5.0)
    seen, until_drained = [], {"leases", "settlement", "sweep"}

    async def answer_late(connection):
        while until_drained not in seen:
            await asyncio.sleep(0.01)
        await Answer(200)(connection)

    receiver.script([answer_late])

    async def watch(tasks):
        while not seen or seen[-1]:
            running = {name for name, task in tasks.items() if not task.done()}
            if not seen or running != seen[-1]:
                seen.append(running)
            await asyncio.sleep(0)

    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await house.emit(to=[no])
        await receiver.wait_for(1)
        tasks = house.hub.dispatcher._tasks
        watching = asyncio.create_task(watch(tasks))
        await asyncio.sleep(0)
    await watching
    assert (seen[0], seen[-1]) == (set(tasks), set())
    assert until_drained in seen
    assert all(until_drained <= running or running < until_drained for running in seen)


def _job(progress, position, *, has_room=False):
    subscription = SimpleNamespace(no=7, company_id=92)
    route = SimpleNamespace(subscription=subscription, pace=None, deliver=print)
    return SimpleNamespace(
        event=SimpleNamespace(position=position), route=route, progress=progress, key_queue=None,
        claim=0, attempt=1, has_room=has_room,
    )  # fmt: skip


def test_making_a_batch_changes_nothing():
    progress = Progress(Lease(3, 1, Reached(4)))
    progress.live.read = 6
    progress.open(5, 1)
    progress.open(6, 1)
    ended = Ended(_job(progress, 5), Result(Outcome.DELIVERED, status_code=200), started_ms=1, duration_ms=2)
    deferred = Deferred(_job(progress, 6, has_room=True), Status.PENDING, 0)

    def made():
        batch = Batch()
        batch.add_ended(ended, NextState(Status.DELIVERED))
        batch.add_deferred(deferred, worker="w")
        return batch

    assert made() == made()
    assert len(made()) == 2
    assert (progress.cursor, progress.is_settled, deferred.job.has_room) == (4, False, True)


async def test_a_shard_is_marked_lost_before_it_is_released(open_house, monkeypatch):
    known, released = {}, []
    release = shard_store.release

    async def look(connection, worker, leases):
        for lease in leases:
            released.append(known[lease.slice].lost)
            assert lease.slice not in owned.progress
        return await release(connection, worker, leases)

    async with open_house() as first:
        owned = first.hub.dispatcher._owned
        known |= owned.progress
        monkeypatch.setattr(shard_store, "release", look)
        async with open_house() as second:
            await until(lambda: len(second.hub.dispatcher.owned_shards) == 8)
        monkeypatch.undo()
    assert released == [True] * 8


@on_sqlite
async def test_what_is_parked_is_what_waits_to_be_matched(open_house, receiver, monkeypatch):
    monkeypatch.setattr(open_limit, "COMPANY_HIGH_WATER", 4)
    monkeypatch.setattr(matching_lane, "COMPANY_LISTED", 10)
    receiver.answer(200, delay_seconds=0.03)
    async with open_house() as house:
        no = await house.subscribe(f"{receiver.url}/h")
        await until(house.routing_is_fresh)
        lane, looks = house.hub.dispatcher._matching, 0
        await house.emit(60, to=[no])
        await until(house.waiting)
        while house.waiting():
            [((_, track), line)] = lane._waiting.items()
            first = [] if line.rest is None else [line.rest.first]
            progress = track.progress
            assert progress._parked >= {*first, *line.listed}
            assert progress._parked <= progress._open.keys()
            looks += 1
            await asyncio.sleep(0.005)
        assert looks > 3
        assert progress._parked == set()
        await house.check_settled()


def test_each_field_of_a_shards_progress_is_written_by_the_modules_that_own_it():
    fields = {name for name in vars(Progress(Lease(3, 1, Reached(4)))) if not name.startswith("_")}
    written = {}
    for file in Path(dispatch.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in (part for each in targets for part in getattr(each, "elts", [each])):
                is_field = isinstance(target, ast.Attribute) and target.attr in fields
                if is_field and ast.unparse(target.value) != "self":
                    written.setdefault(file.name, set()).add(target.attr)
    assert written == WRITERS
