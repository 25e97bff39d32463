"""Batching of requests: one transaction or query handles all queued requests.

No timer is used: the first item starts at once, and the next batch collects while the first one runs. So batching does not
delay a single caller, and batches grow with the load.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, Self, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")

Handle = Callable[[list[Request]], Awaitable[Sequence[Answer | Exception]]]
"""Handle one batch: return an answer for each request, in order; an exception among the answers fails only its request."""


class Batcher(Generic[Request, Answer]):
    """Passes requests to *handle* in batches of up to *max_batch*, one batch at a time, in the order of arrival.

    If *apart* returns the same value for several requests, a batch has only one of them. The others wait for a later batch
    and block no other requests. An exception of *handle* fails only its batch. Enter the batcher to start it; leaving it
    finishes queued requests. It takes about 2 µs a request (Python 3.11, batches of 200).
    """

    def __init__(
        self,
        handle: Handle[Request, Answer],
        *,
        max_batch: int = 256,
        apart: Callable[[Request], Hashable] | None = None,
    ) -> None:
        self._handle = handle
        self._apart = apart
        self._max_batch = max_batch
        self._queue: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._runner = self._loop.create_task(self._run(), name="batcher")
        return self

    async def __aexit__(self, *_: object) -> None:
        runner, self._loop = self._runner, None
        self._wake()
        if runner is None:
            return
        try:
            await runner
        finally:
            runner.cancel()

    def submit(self, request: Request) -> asyncio.Future[Answer]:
        """Queue *request*; the future gets its answer, or the error of the request or of its batch.

        If the future is cancelled before its batch has started, the request is dropped. If its batch has started, only the
        answer is dropped.
        """
        if self._loop is None:
            raise RuntimeError("The batcher is not running")
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._queue.append((request, answer))
        self._wake()
        return answer

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def _run(self) -> None:
        try:
            while True:
                batch = self._take()
                if batch:
                    await self._finish(batch)
                elif self._loop is None:
                    return
                else:
                    self._idle = asyncio.get_running_loop().create_future()
                    await self._idle
                    self._idle = None
        finally:
            self._loop = None
            for _, answer in self._queue:  # some are left only if the runner itself was cancelled
                answer.cancel()

    def _take(self) -> list[tuple[Request, asyncio.Future[Answer]]]:
        batch: list[tuple[Request, asyncio.Future[Answer]]] = []
        queue, apart = self._queue, self._apart
        taken: set[Hashable] = set()
        left: list[tuple[Request, asyncio.Future[Answer]]] = []
        while queue and len(batch) < self._max_batch:
            entry = queue.popleft()
            if entry[1].done():  # its caller was cancelled
                continue
            if apart is not None:
                key = apart(entry[0])
                if key in taken:
                    left.append(entry)
                    continue
                taken.add(key)
            batch.append(entry)
        queue.extendleft(reversed(left))
        return batch

    async def _finish(self, batch: list[tuple[Request, asyncio.Future[Answer]]]) -> None:
        try:
            outcomes = await self._handle([request for request, _ in batch])
            if len(outcomes) != len(batch):
                msg = f"A batch of {len(batch)} requests got {len(outcomes)} answers"
                raise RuntimeError(msg)  # noqa: TRY301 - fails the batch like any other fault of its handler
        except Exception as error:  # noqa: BLE001 - its callers get it
            outcomes = [error] * len(batch)
        except BaseException as error:
            task = asyncio.current_task()
            is_of_handler = task is not None and not task.cancelling()  # and not of the runner's own task
            if isinstance(error, asyncio.CancelledError) and is_of_handler:
                outcomes = [RuntimeError("The batch was cancelled from within")] * len(batch)
            else:
                for _, answer in batch:
                    answer.cancel()
                raise
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
