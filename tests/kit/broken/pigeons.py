"""A channel to an operator's loft, in which each company has its own places."""

import asyncio

import pytest_asyncio
from tests.kit.broken.breaking import Broken

from trunkline_kit import Arrival, FarSide, Source

LOFT: dict[str, list[Arrival]] = {}
"""The arrivals at each place, kept outside of the plugin like a server's."""
TEXT = '''"""Pigeons: each event is brought to a place in the loft."""

from tests.kit.broken.pigeons import LOFT
from trunkline import Channel, Outcome, Result, hookimpl
from trunkline_kit import Arrival


async def deliver(push, http):
    place = f"{push.target.company_id}/{push.target.url}"
    LOFT.setdefault(place, []).append(Arrival(push.event_id, bytes(bytearray(push.body))))
    return Result(Outcome.DELIVERED)


@hookimpl
def register_channels():
    return [Channel("pigeons", "Pigeons", "Brings each event to the loft.", deliver, schemes=("pigeon",))]
'''


class Loft(FarSide):
    """A reader of the loft, for the places of all companies or of one."""

    def __init__(self, url: str, company_id: int | None = None) -> None:
        self.url = url
        self._company_id = company_id

    async def arrivals(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(4):
            while len(found := self._found()) < count:
                await asyncio.sleep(0.01)
        return found

    def _found(self) -> list[Arrival]:
        wanted = f"/{self.url}" if self._company_id is None else f"{self._company_id}/{self.url}"
        return [arrival for place, kept in LOFT.items() if place.endswith(wanted) for arrival in kept]

    async def of_company(self, company_id: int) -> "Loft":
        return Loft(self.url, company_id)


def pigeons(text: str = TEXT) -> Broken:
    @pytest_asyncio.fixture
    async def far_side(self):
        del self
        LOFT.clear()
        yield Loft("pigeon:jane")

    attributes = {"channel": "pigeons", "far_side": far_side, "patience_seconds": 4.0}
    return Broken(Source("pigeons", text), attributes)


good = pigeons()

leaves_the_company_out_of_the_key = pigeons(TEXT.replace("{push.target.company_id}/", "92/")).breaks(
    "channel.tells-companies-apart-at-one-target"
)

keeps_the_first_company = pigeons(TEXT.replace('f"{push.target.company_id}/', 'f"{FIRST.setdefault(0, push.target.company_id)}/').replace("async def deliver", "FIRST = {}\n\n\nasync def deliver")).breaks("channel.tells-companies-apart-at-one-target")  # fmt: skip
