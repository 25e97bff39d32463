"""Memory for request bodies: its amount, its share for each company, and the next in line."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from trunkline.api.bodies import FREE_BYTES, NO_COMPANY, SHARES, BodyRoom
from trunkline.errors import Overloaded

SHARE = 100
TOTAL = SHARE * SHARES


def taking(room: BodyRoom, owner: int | None, size: int) -> asyncio.Task[None]:
    return asyncio.create_task(room.take(owner, size))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_company_has_a_share_and_the_others_have_the_rest():
    room = BodyRoom(TOTAL)
    await room.take(1, SHARE)
    second = taking(room, 1, 1)
    await room.take(2, SHARE)
    await room.take(NO_COMPANY, SHARE)
    assert not second.done()
    room.give_back(1, SHARE)
    await second


async def test_an_operator_has_no_share_but_all():
    room = BodyRoom(TOTAL)
    for _ in range(SHARES):
        await room.take(None, SHARE)
    late = taking(room, 1, 1)
    await settle()
    assert not late.done()
    room.give_back(None, SHARE)
    await late


async def test_a_body_larger_than_the_share_and_than_the_room_is_let_in_alone():
    room = BodyRoom(TOTAL)
    await room.take(1, TOTAL * 2)
    other = taking(room, 2, 1)
    await settle()
    assert not other.done()
    room.give_back(1, TOTAL * 2)
    await other
    large = taking(room, 1, TOTAL * 2)
    await settle()
    assert not large.done()
    room.give_back(2, 1)
    await large


async def test_companies_are_let_in_by_turns_and_nobody_overtakes():
    room = BodyRoom(TOTAL)
    await room.take(None, TOTAL)
    order: list[int] = []

    async def take(owner: int, size: int) -> None:
        await room.take(owner, size)
        order.append(owner)
        room.give_back(owner, size)

    first = [asyncio.create_task(take(1, SHARE)) for _ in range(3)]
    await settle()
    second = [asyncio.create_task(take(2, SHARE)) for _ in range(3)]
    await settle()
    small = asyncio.create_task(take(3, 1))
    await settle()
    assert order == []
    room.give_back(None, SHARE)
    await asyncio.gather(*first, *second, small)
    assert order == [1, 2, 3, 1, 2, 1, 2]


async def test_who_waits_too_long_is_refused_and_leaves_nothing_behind():
    room = BodyRoom(TOTAL, wait_seconds=0.05)
    await room.take(1, SHARE)
    with pytest.raises(Overloaded) as refused:
        await room.take(1, SHARE)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    room.give_back(1, SHARE)
    await room.take(1, SHARE)


async def test_who_goes_away_while_it_waits_or_is_let_in_leaves_nothing_behind():
    room = BodyRoom(TOTAL)
    await room.take(1, SHARE)
    waiting, let_in = taking(room, 1, SHARE), taking(room, 1, SHARE)
    await settle()
    waiting.cancel()
    await settle()
    room.give_back(1, SHARE)
    let_in.cancel()
    await asyncio.gather(waiting, let_in, return_exceptions=True)
    await asyncio.wait_for(room.take(1, SHARE), 60)


SIZE = FREE_BYTES * 2
CROWDED = {"plugins.enabled": "polling", "server.max_body_bytes_in_flight": "1048576"}
"""Memory for one such body of a company, and for eight bodies in all."""


class Slow:
    """A body that stops after its first half, until the test lets it continue."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()

    async def content(self) -> AsyncIterator[bytes]:
        yield b" " * (SIZE // 2)
        await self.goes_on.wait()
        yield b" " * (SIZE // 2)


def post(client: httpx2.AsyncClient, content: bytes | AsyncIterator[bytes]) -> asyncio.Task[httpx2.Response]:
    headers = {"content-type": "application/json", "content-length": str(SIZE)}
    return asyncio.create_task(client.post("/api/v1/events/batch", content=content, headers=headers))


@pytest.mark.own_hub(settings=CROWDED)
async def test_a_large_body_waits_for_one_of_its_company_and_for_nobody_else(running):
    other = await running.client_of(running.neighbour_id)
    slow = Slow()
    first = post(running.client, slow.content())
    await asyncio.sleep(0.1)
    second = post(running.client, b" " * SIZE)
    assert (await post(other, b" " * SIZE)).status_code == 422
    assert (await running.client.post("/api/v1/events/batch", json={"events": []})).status_code == 422
    assert not second.done()
    slow.goes_on.set()
    assert [(await posted).status_code for posted in (first, second)] == [422, 422]


@pytest.mark.slow
@pytest.mark.own_hub(settings=CROWDED)
async def test_a_large_body_that_finds_no_room_in_time_is_503(running):
    slow = Slow()
    first = post(running.client, slow.content())
    await asyncio.sleep(0.1)
    answer = await post(running.client, b" " * SIZE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:trunkline:problem:overloaded"
    slow.goes_on.set()
    assert (await first).status_code == 422
