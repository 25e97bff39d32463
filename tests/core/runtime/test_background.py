"""Work in the background continues after any failure."""

import asyncio
import logging

from trunkline.errors import StoreUnavailable
from trunkline.runtime import background
from trunkline.runtime.background import Background


async def test_what_fails_is_told_and_begins_again_and_what_is_left_ends(monkeypatch, caplog):
    monkeypatch.setattr(background, "AGAIN_SECONDS", 0.01)
    begun = asyncio.Queue()

    async def work():
        begun.put_nowait(begun.qsize())
        if count["failures"]:
            count["failures"] -= 1
            msg = "no such thing"
            raise RuntimeError(msg)
        await asyncio.Event().wait()

    count = {"failures": 2}
    with caplog.at_level(logging.ERROR):
        async with Background("the work", work, seconds=0, first_seconds=0):
            for _ in range(3):
                await asyncio.wait_for(begun.get(), 60)
    assert [record.message for record in caplog.records] == ["the work failed and begins again in 0.01 s"] * 2
    assert len([task for task in asyncio.all_tasks() if task.get_name() == "the work"]) == 0


async def test_a_database_that_does_not_answer_is_told_once_until_it_has_answered(monkeypatch, caplog):
    monkeypatch.setattr(background, "WITHOUT_DATABASE_SECONDS", 0)
    answers = iter([StoreUnavailable("away"), StoreUnavailable("away"), None, StoreUnavailable("away")])
    is_over = asyncio.Event()

    async def work():
        answer = next(answers, "over")
        if answer == "over":
            is_over.set()
            await asyncio.Event().wait()
        if answer:
            raise answer

    with caplog.at_level(logging.INFO):
        async with Background("the work", work, seconds=0, first_seconds=0):
            await asyncio.wait_for(is_over.wait(), 60)
    assert [record.message for record in caplog.records] == ["the work is not possible now: away"] * 2
