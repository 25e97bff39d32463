"""Rates: their texts, and the guarantees of their steps."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dispatch.attempts import gates
from trunkline.dispatch.shards.progress import Progress
from trunkline.model.pace import Pace, Rate, pace_of
from trunkline.store.shards import Lease, Reached

RATES = st.sampled_from(
    ["1/minute", "7/second", "50/second", "1000/second", "600/minute", "90/minute", "3600/hour"]
)


def test_a_subscription_that_asks_for_nothing_has_no_pace():
    assert pace_of(None, None) is None
    assert pace_of(8, None) == Pace(8, None)
    assert pace_of(None, "50/second") == Pace(None, Rate(50, 1.0))


def test_a_step_is_as_long_as_the_rate_says_and_a_fiftieth_longer_where_it_may_be_made_up_for():
    assert math.isclose(Rate.parse("10/second").interval, 0.102)
    assert Rate.parse("60/hour").interval == 60


class Clock:
    now = 1000.0

    def monotonic(self):
        return self.now


@given(RATES, st.lists(st.floats(0, 1), min_size=1, max_size=200), st.randoms())
def test_however_late_one_asks_no_window_has_more_than_the_rate_and_a_hand_over_adds_nothing(
    rate, delays, chance
):
    clock, rate = Clock(), Rate.parse(rate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gates, "time", clock)
        began, gate = [], _gate(rate, clock)
        for delay in delays:
            clock.now += gate.wait() + delay * delay * delay * rate.seconds / rate.count
            if chance.random() < 0.05:
                gate = _gate(rate, clock)
            while gate.begin():
                began.append(clock.now)
    for moment in began:
        within = sum(moment <= other < moment + rate.seconds - 1e-6 for other in began)
        assert within <= rate.count


def _gate(rate, clock):
    progress = Progress(Lease(0, 1, Reached(0)))
    progress.since = clock.now
    return gates.Gate(Pace(None, rate), progress)


def test_a_gate_is_shut_where_the_shard_is_lost_or_may_be_another_ones():
    gate = _gate(Rate.parse("1000/second"), Clock())
    gate.progress.since = -math.inf
    assert gate.begin()
    gate.progress.valid_until = 0.0
    assert not gate.is_open
    assert not gate.begin()


def test_places_are_taken_by_what_others_have_in_flight_and_there_are_none_until_that_is_known():
    gate = gates.Gate(Pace(5, None), Progress(Lease(0, 1, Reached(0))))
    assert (gate.places, gate.begin()) == (0, False)
    gate.elsewhere = 3
    assert (gate.places, gate.begin()) == (2, True)
