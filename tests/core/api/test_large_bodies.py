"""A company has one large body on the way at a time, and holds up nobody else with it."""

import asyncio

import pytest
from starlette.requests import Request

from trunkline.api.large_bodies import LARGE_BYTES, LargeBodies
from trunkline.errors import TooMuchAtOnce


def request(length: int | None) -> Request:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers})


LARGE = request(LARGE_BYTES + 1)


async def hold(bodies: LargeBodies, sent: Request, *, entered: list[Request], until: asyncio.Event) -> None:
    async with bodies.turn(sent, 7):
        entered.append(sent)
        await until.wait()


@pytest.mark.parametrize("second", [LARGE, request(None)], ids=["announced", "in-chunks"])
async def test_a_second_large_body_of_a_company_waits_for_the_first(second):
    bodies, over = LargeBodies(), asyncio.Event()
    entered: list[Request] = []
    tasks = [asyncio.create_task(hold(bodies, sent, entered=entered, until=over)) for sent in (LARGE, second)]
    await asyncio.sleep(0.01)
    assert entered == [LARGE]
    small = request(LARGE_BYTES)
    async with asyncio.timeout(5), bodies.turn(LARGE, 8), bodies.turn(LARGE, None), bodies.turn(small, 7):
        pass
    over.set()
    await asyncio.gather(*tasks)
    assert entered == [LARGE, second]
    async with asyncio.timeout(5), bodies.turn(LARGE, 7):
        pass


async def test_a_body_that_waits_for_too_long_is_refused_and_the_next_is_not():
    bodies = LargeBodies(wait_seconds=0.02)
    async with bodies.turn(LARGE, 7):
        with pytest.raises(TooMuchAtOnce) as refused:
            await bodies.turn(LARGE, 7).__aenter__()
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "5"})
    async with bodies.turn(LARGE, 7):
        pass


async def test_large_bodies_are_read_one_at_a_time_and_small_ones_beside_them():
    bodies, most, at_once = LargeBodies(), 0, 0

    async def read(size: int) -> None:
        nonlocal most, at_once
        async with bodies.reading(size):
            at_once += size > LARGE_BYTES
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= size > LARGE_BYTES

    async with bodies.reading(LARGE_BYTES + 1), bodies.reading(LARGE_BYTES):
        pass
    await asyncio.gather(*(read(LARGE_BYTES * (1 + n % 3)) for n in range(9)))
    assert most == 1


async def test_large_batches_of_one_company_are_all_stored(api):
    event = {
        "type": "invoice.created",
        "payload": (await api.client.get("/api/v1/event-types/invoice.created")).json()["example"],
        "metadata": {"filler": "x" * 200_000},
    }
    answers = await asyncio.gather(
        *(api.client.post("/api/v1/events/batch", json={"events": [event] * 8}) for _ in range(4))
    )
    assert [answer.status_code for answer in answers] == [201] * 4
