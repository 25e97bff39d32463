"""The kit checks the equivalents of headers in other transports (signature, time, every live secret), and the suite's claims."""

import asyncio
import sys

import pytest
import pytest_asyncio
from tests.kit import harness
from tests.kit.broken.breaking import Broken

from trunkline_kit import Arrival, ChannelConformance, FarSide, Source

pytestmark = pytest.mark.slow

LOFT = '''
"""Pigeons: what is sent is kept in the loft."""

from trunkline import Channel, Outcome, Result, Signer, hookimpl

LOFT = {}


def headers_of(push):
    signer = Signer(push.target.signature, secrets=push.target.secrets)
    return signer.headers(push.event_id, timestamp=push.timestamp, body=push.body)


async def deliver(push, http):
    headers = headers_of(push)
    DEFECT
    LOFT.setdefault(push.target.url, []).append((push.event_id, push.body, headers))
    return Result(Outcome.DELIVERED)


@hookimpl
def register_channels():
    return [Channel("pigeons", "Pigeons", "Keeps each event in a loft.", deliver, schemes=("pigeon",))]
'''


class Loft(FarSide):
    """A reader of the loft."""

    def __init__(self, name: str, *, shows_headers: bool = True) -> None:
        self.url = f"pigeon:{name}"
        self.shows_headers = shows_headers

    async def arrivals(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(60):
            while len(kept := sys.modules["pigeons"].LOFT.get(self.url, [])) < count:
                await asyncio.sleep(0.01)
        return [
            Arrival(number, body, headers if self.shows_headers else None) for number, body, headers in kept
        ]


def suite(defect: str, only: str, **attributes) -> type:
    @pytest_asyncio.fixture
    async def far_side(self):
        yield Loft("jane", shows_headers=attributes.get("shows_headers", True))

    source = Source("pigeons", LOFT.replace("DEFECT", defect))
    given = {"channel": "pigeons", "far_side": far_side, **attributes}
    return harness.suite_of(ChannelConformance, Broken(source, given), only=[only])


SIGNED, EVERY, DATED, SHARED = (
    "channel.signs-what-it-sends",
    "channel.signs-with-every-live-secret",
    "channel.dates-each-attempt",
    "channel.shares-a-target-among-companies",
)
CASES = {
    "good": ("pass", SIGNED, "passed"),
    "good with every secret": ("pass", EVERY, "passed"),
    "good dates": ("pass", DATED, "passed"),
    "good with companies": ("pass", SHARED, "passed"),
    "no signature": ("del headers['webhook-signature']", SIGNED, "failed"),
    "dropped headers": ("headers = {}", SIGNED, "failed"),
    "another body": ("headers |= Signer('standard', secrets=push.target.secrets).headers(push.event_id, timestamp=push.timestamp, body=b'{}')", SIGNED, "failed"),
    "one secret": ("headers |= Signer('standard', secrets=push.target.secrets[:1]).headers(push.event_id, timestamp=push.timestamp, body=push.body)", EVERY, "failed"),
    "a stale time": ("headers = LOFT.setdefault('kept', {}).setdefault(push.event_id, headers)", DATED, "failed"),
    "a default that leaks": ("into = LOFT.setdefault('into', {}); headers = into.setdefault('all', headers)", SIGNED, "failed"),
    "a secret kept by target": ("import dataclasses; kept = LOFT.setdefault('secrets', {}).setdefault(push.target.url, push.target.secrets); push = dataclasses.replace(push, target=dataclasses.replace(push.target, secrets=kept)); headers = headers_of(push)", SHARED, "failed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    suites = {
        f"Test{number}": suite(defect, check, signs=True)
        for number, (defect, check, _) in enumerate(CASES.values())
    }
    suites["TestUnseen"] = suite("pass", SIGNED, signs=True, shows_headers=False)
    suites["TestWithout"] = suite("pass", SIGNED, shows_headers=False)
    return harness.run(suites, tmp_path_factory.mktemp("transports"))


@pytest.mark.parametrize("name", CASES)
def test_a_defect_in_what_arrives_is_caught_by_the_check_that_is_meant_for_it(results, name):
    _, check, outcome = CASES[name]
    result = results[f"Test{list(CASES).index(name)}", check]
    assert result.outcome == outcome, result.message


def test_a_claim_to_sign_that_nothing_shows_fails(results):
    assert results["TestUnseen", SIGNED].outcome == "failed"
    assert "says 'signs', but its far side shows no headers" in results["TestUnseen", SIGNED].message
    assert results["TestWithout", SIGNED].outcome == "not_applicable"
