"""Whether a clock is trusted, by its readings and the time between them."""

import pytest
from msgspec import structs

from trunkline.runtime import steadiness
from trunkline.runtime.steadiness import SETTLED_MS, TOLERANCE_MS, ClockState, Reading, judge

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SEEN = Reading(1_800_000_000_000, "boot-1", 50_000_000)


def later(passed_ms: int, *, step_ms: int = 0, after: Reading = SEEN) -> Reading:
    return structs.replace(after, now_ms=after.now_ms + passed_ms + step_ms, up_ms=after.up_ms + passed_ms)


@pytest.mark.parametrize("passed_ms", [0, 5_000, HOUR_MS, 40 * DAY_MS])
@pytest.mark.parametrize("step_ms", [-100 * DAY_MS, -HOUR_MS, 0, TOLERANCE_MS])
def test_a_clock_that_moves_as_far_as_time_passes_or_is_set_back_is_trusted(passed_ms, step_ms):
    reading = later(passed_ms, step_ms=step_ms)
    assert judge(ClockState(SEEN), reading) == ClockState(reading)


@pytest.mark.parametrize("passed_ms", [0, 5_000, 40 * DAY_MS])
@pytest.mark.parametrize("step_ms", [TOLERANCE_MS + 1, HOUR_MS, 100 * DAY_MS])
def test_a_step_forward_is_told_however_long_nobody_looked(passed_ms, step_ms):
    assert judge(ClockState(SEEN), later(passed_ms, step_ms=step_ms)).step_ms == step_ms


def test_the_first_reading_is_trusted():
    assert judge(ClockState(), SEEN) == ClockState(SEEN)


def test_after_a_start_of_the_machine_a_clock_may_have_moved_by_a_day():
    anew = Reading(SEEN.now_ms + SETTLED_MS, "boot-2", 1_000)
    assert judge(ClockState(SEEN), anew) == ClockState(anew)
    assert judge(ClockState(SEEN), later(1, after=anew)).step_ms == SETTLED_MS + 1
    assert judge(ClockState(SEEN, DAY_MS, 5), anew) == ClockState(anew, DAY_MS, 5)


def test_if_the_system_names_no_start_a_process_goes_by_its_own_last_reading():
    seen = structs.replace(SEEN, boot_id="")
    month = later(40 * DAY_MS, after=seen)
    assert judge(ClockState(seen), month).step_ms == 40 * DAY_MS
    assert judge(ClockState(seen), month, own=seen) == ClockState(month)
    assert judge(ClockState(seen), later(0, step_ms=HOUR_MS, after=seen), own=seen).step_ms == HOUR_MS


def test_a_process_of_another_machine_goes_by_its_own_last_reading():
    own = Reading(SEEN.now_ms - 5_000, "boot-2", 900)
    steady, stepped = later(10_000, after=own), later(10_000, step_ms=HOUR_MS, after=own)
    assert judge(ClockState(SEEN), steady, own=own) == ClockState(steady)
    assert judge(ClockState(SEEN), stepped, own=own).step_ms == HOUR_MS


def test_a_clock_is_trusted_again_once_it_was_steady_for_a_day():
    state = judge(ClockState(SEEN), later(0, step_ms=HOUR_MS))
    for _ in range(23):
        state = judge(state, later(HOUR_MS, after=state.seen))
        assert state.step_ms == HOUR_MS
    assert judge(state, later(HOUR_MS - 1, after=state.seen)).step_ms == HOUR_MS
    assert judge(state, later(HOUR_MS, after=state.seen)).step_ms is None


@pytest.mark.parametrize("step_ms", [-HOUR_MS, HOUR_MS])
def test_another_step_begins_the_day_anew(step_ms):
    state = ClockState(SEEN, DAY_MS, steady_ms=DAY_MS - 1)
    again = judge(state, later(HOUR_MS, step_ms=step_ms))
    assert (again.step_ms, again.steady_ms) == (max(step_ms, 0) or DAY_MS, 0)


def test_what_several_processes_see_counts_once():
    state = ClockState(SEEN, DAY_MS)
    mine, theirs = SEEN, Reading(SEEN.now_ms, "boot-2", 7)
    for _ in range(10):
        mine, theirs = later(5_000, after=mine), later(5_000, after=theirs)
        state = judge(state, mine, own=later(-5_000, after=mine))
        state = judge(state, theirs, own=later(-5_000, after=theirs))
    assert state.steady_ms == 50_000


@pytest.mark.parametrize(
    ("step_ms", "told"), [(400_000, "6 minutes"), (HOUR_MS, "1.0 hours"), (100 * DAY_MS, "100.0 days")]
)
def test_a_fault_says_how_far_it_stepped_and_how_to_go_on(step_ms, told):
    fault = ClockState(SEEN, step_ms).fault
    assert f"stepped forward by {told}:" in fault
    assert "'trunkline clock confirm'" in fault
    assert ClockState(SEEN).fault is None


def test_this_machine_tells_how_long_it_has_been_up():
    assert 0 < steadiness.up_ms() <= steadiness.up_ms()
    assert steadiness.read_boot() == steadiness.read_boot()
