"""Many callers, one batch: order, faults, cancellation and shutdown."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.runtime.batching import Batcher


class Handler:
    """Answers each number with its double, after the gate; refuses each number below zero."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.fault: BaseException | None = None
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return [ValueError(number) if number < 0 else number * 2 for number in numbers]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_request_is_answered_at_once():
    handler = Handler()
    async with Batcher(handler) as batcher:
        assert await batcher.submit(4) == 8
    assert handler.batches == [[4]]


async def test_what_comes_while_a_batch_runs_shares_the_next_one_in_order():
    handler = Handler(is_open=False)
    async with Batcher(handler) as batcher:
        first = batcher.submit(0)
        await settle()
        rest = [batcher.submit(number) for number in range(1, 6)]
        await settle()
        handler.gate.set()
        assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8, 10]
    assert handler.batches == [[0], [1, 2, 3, 4, 5]]


async def test_a_batch_has_no_more_than_max_batch_requests():
    handler = Handler()
    async with Batcher(handler, max_batch=3) as batcher:
        assert await asyncio.gather(*(batcher.submit(number) for number in range(8))) == list(range(0, 16, 2))
    assert [len(batch) for batch in handler.batches] == [3, 3, 2]


async def test_requests_that_are_to_be_apart_wait_for_the_next_batch_and_nobody_behind_them_does():
    handler = Handler()
    numbers = [10, 11, 20, 12, 30, 21]
    async with Batcher(handler, max_batch=3, apart=lambda number: number // 10) as batcher:
        answers = await asyncio.gather(*(batcher.submit(number) for number in numbers))
    assert answers == [number * 2 for number in numbers]
    assert handler.batches == [[10, 20, 30], [11, 21], [12]]


async def test_a_refused_request_fails_alone():
    async with Batcher(Handler()) as batcher:
        answers = await asyncio.gather(*(batcher.submit(n) for n in (1, -1, 2)), return_exceptions=True)
    assert answers[0] == 2
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 4


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [(OSError("disk"), OSError, "disk"), (asyncio.CancelledError(), RuntimeError, "from within")],
)
async def test_a_fault_of_the_handler_fails_its_batch_and_no_other(fault, kind, words):
    handler = Handler()
    async with Batcher(handler) as batcher:
        handler.fault = fault
        answers = await asyncio.gather(*(batcher.submit(n) for n in range(3)), return_exceptions=True)
        assert [(type(answer), words in str(answer)) for answer in answers] == [(kind, True)] * 3
        handler.fault = None
        assert await batcher.submit(7) == 14


async def test_too_few_answers_fail_the_batch():
    async def handle(numbers: Sequence[int]) -> list[int]:
        return list(numbers)[1:]

    async with Batcher(handle) as batcher:
        with pytest.raises(RuntimeError, match="1 requests got 0 answers"):
            await batcher.submit(1)


async def test_a_cancelled_caller_takes_its_waiting_request_along_and_disturbs_nobody():
    handler = Handler(is_open=False)
    async with Batcher(handler) as batcher:
        running, waiting, other = (batcher.submit(0) for _ in range(3))
        await settle()
        late = batcher.submit(1)
        gone = batcher.submit(2)
        await settle()
        running.cancel()
        gone.cancel()
        await settle()
        handler.gate.set()
        assert await asyncio.gather(waiting, other, late) == [0, 0, 2]
        assert running.cancelled()
        assert gone.cancelled()
    assert handler.batches == [[0, 0, 0], [1]]


async def test_leaving_finishes_what_has_queued_and_takes_nothing_more():
    handler = Handler()
    async with Batcher(handler, max_batch=2) as batcher:
        answers = [batcher.submit(number) for number in range(5)]
    assert [answer.result() for answer in answers] == [0, 2, 4, 6, 8]
    with pytest.raises(RuntimeError, match="not running"):
        batcher.submit(1)


async def test_a_leaving_that_is_cancelled_lets_no_caller_wait_forever():
    handler = Handler(is_open=False)
    batcher = Batcher(handler, max_batch=1)
    await batcher.__aenter__()
    answers = [batcher.submit(number) for number in range(3)]
    leaving = asyncio.create_task(batcher.__aexit__(None, None, None))
    await settle()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await settle()
    assert all(answer.cancelled() for answer in answers)


@given(
    st.lists(st.tuples(st.integers(-3, 50), st.booleans(), st.integers(0, 3)), max_size=40), st.integers(1, 7)
)
def test_every_caller_gets_its_own_answer_or_its_own_cancellation(plan, max_batch):
    async def run() -> int:
        async def handle(numbers: Sequence[int]) -> list[int | Exception]:
            assert 0 < len(numbers) <= max_batch
            await asyncio.sleep(0)
            return [ValueError(number) if number < 0 else number * 2 for number in numbers]

        async with Batcher(handle, max_batch=max_batch) as batcher:
            tasks: list[asyncio.Future[int]] = []
            for number, cancelled, pause in plan:
                tasks.append(batcher.submit(number))
                for _ in range(pause):
                    await asyncio.sleep(0)
                if cancelled:
                    tasks[-1].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        for (number, cancelled, _), answer in zip(plan, answers, strict=True):
            if isinstance(answer, asyncio.CancelledError):
                assert cancelled
            elif number < 0:
                assert isinstance(answer, ValueError)
                assert answer.args == (number,)
            else:
                assert answer == number * 2
        return len(answers)

    assert asyncio.run(run()) == len(plan)
