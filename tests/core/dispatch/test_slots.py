"""Which deliveries may have a slot."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dispatch.attempts.slots import BACKLOG_UNTRUSTED, DOWN_AFTER, UNTRUSTED_EACH, Slots


def _take_all(slots, number):
    queue = slots.queue(number, company_id=number)
    taken = 0
    while slots.take(queue):
        taken += 1
    return taken


def _trusted(slots, number):
    queue = slots.queue(number, company_id=number)
    assert slots.take(queue)
    slots.release(queue, succeeded=True)
    return queue


@pytest.fixture
def slots():
    return Slots(512, per_subscription=64)


def test_a_new_subscription_gets_a_few_slots_only(slots):
    assert _take_all(slots, 1) == UNTRUSTED_EACH


def test_however_many_new_subscriptions_hang_half_of_the_slots_stay_with_the_trusted(slots):
    _trusted(slots, 0)
    assert sum(_take_all(slots, number) for number in range(1, 200)) == 256
    assert _take_all(slots, 0) == 64


def test_a_trusted_subscription_that_turns_slow_moves_its_slots_to_the_untrusted_half():
    slots = Slots(100, per_subscription=60)
    slow = _trusted(slots, 1)
    _take_all(slots, 1)
    slots.set_trust(slow, succeeded=False)
    assert slots._untrusted.in_use == 60
    assert _take_all(slots, 2) == 0
    assert slots.free == 40


def test_what_waits_is_started_in_its_order_when_a_place_comes_back_and_holds_up_no_other():
    slots = Slots(512, per_subscription=1)
    queue, other = slots.queue(1, company_id=1), slots.queue(2, company_id=2)
    assert slots.take(queue)
    assert slots.enqueue(queue, "first")
    assert slots.enqueue(queue, "second")
    assert slots.enqueue(other, "other")
    assert (slots.next_waiting(), slots.next_waiting()) == ("other", None)
    slots.release(queue, succeeded=True)
    assert (slots.next_waiting(), slots.next_waiting()) == ("first", None)


def test_a_failing_subscription_may_not_queue_in_memory_and_a_new_one_only_a_little(slots):
    new, failing = slots.queue(1, company_id=1), slots.queue(2, company_id=2)
    assert [slots.enqueue(new, n) for n in range(BACKLOG_UNTRUSTED + 1)].count(True) == BACKLOG_UNTRUSTED
    assert slots.take(failing)
    slots.release(failing, succeeded=False)
    assert not slots.enqueue(failing, 0)


def test_a_subscription_with_all_its_slots_taken_is_busy_until_one_comes_back():
    slots = Slots(512, per_subscription=2)
    _take_all(slots, 7)
    assert slots.busy == {7}
    slots.release(slots.queue(7, company_id=7), succeeded=False)
    assert slots.busy == set()


@pytest.mark.parametrize(
    "total", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(16, marks=pytest.mark.slow)]
)
@settings(deadline=None)  # a busy machine is no fault
@given(data=st.data())
def test_the_counts_add_up_and_no_bound_is_broken_whatever_happens(total, data):
    slots = Slots(total, per_subscription=4)
    flying, waiting = [], 0
    for _ in range(data.draw(st.integers(1, 60))):
        number = data.draw(st.integers(1, 5))
        queue = slots.queue(number, company_id=number % 2)
        action = data.draw(st.sampled_from(["take", "queue", "end", "slow"]))
        if action == "take" and slots.take(queue):
            flying.append(queue)
        elif action == "queue" and slots.enqueue(queue, queue):
            waiting += 1
        elif action == "end" and flying:
            slots.release(
                flying.pop(data.draw(st.integers(0, len(flying) - 1))), succeeded=data.draw(st.booleans())
            )
        elif action == "slow":
            slots.set_trust(queue, succeeded=False)
        while (following := slots.next_waiting()) is not None:
            waiting -= 1
            flying.append(following)
        assert slots.in_use == len(flying) <= total
        assert slots._untrusted.in_use == sum(not s.is_trusted for s in flying)
        assert all(flying.count(s) <= 4 for s in flying)
    while flying:
        slots.release(flying.pop(), succeeded=True)
        while (following := slots.next_waiting()) is not None:
            waiting -= 1
            flying.append(following)
    assert waiting == 0, "everything that waited was started in the end"


def test_a_company_with_many_subscriptions_leaves_a_quarter_of_the_slots_to_others():
    slots = Slots(16, per_subscription=2)
    queues = [slots.queue(number, company_id=1) for number in range(20)]
    for queue in queues:
        slots.set_trust(queue, succeeded=True)
    assert sum(slots.take(queue) for queue in queues) == 12
    other = _trusted(slots, 99)
    assert slots.take(other)
    assert slots.take(other)


def test_a_company_whose_new_subscriptions_hang_leaves_slots_to_the_new_ones_of_others(slots):
    assert sum(slots.take(slots.queue(n % 100, company_id=1)) for n in range(800)) == 192
    assert _take_all(slots, 999) == UNTRUSTED_EACH


def test_companies_that_wait_have_their_turns_one_after_the_other():
    slots = Slots(1, per_subscription=1)
    first = _trusted(slots, 1)
    assert slots.take(first)
    for number in range(10, 15):
        busy = slots.queue(number, company_id=1)
        slots.set_trust(busy, succeeded=True)
        assert slots.enqueue(busy, f"company 1, {number}")
    other = slots.queue(2, company_id=2)
    slots.set_trust(other, succeeded=True)
    assert slots.enqueue(other, "company 2")
    slots.release(first, succeeded=True)
    assert slots.next_waiting() == "company 1, 10"
    slots.release(slots.queue(10, company_id=1), succeeded=True)
    assert slots.next_waiting() == "company 2"


def test_a_target_that_was_down_has_one_slot_and_when_it_returns_twice_as_many_each_round(slots):
    queue = _trusted(slots, 1)
    for _ in range(DOWN_AFTER):
        assert slots.take(queue)
        slots.release(queue, succeeded=False, failed=True)
    at_once = []
    for _ in range(7):
        at_once.append(_take_all(slots, 1))
        for _ in range(at_once[-1]):
            slots.release(queue, succeeded=True)
    assert at_once == [1, 2, 4, 8, 16, 32, 64]
    assert slots.room_of(1) == 128, "as many again may wait in memory"


def test_a_target_that_fails_now_and_then_keeps_its_slots(slots):
    queue = _trusted(slots, 1)
    for number in range(100):
        assert slots.take(queue)
        slots.release(queue, succeeded=number % 3 == 0, failed=number % 3 != 0)
    assert _take_all(slots, 1) == 64


def test_a_failure_on_the_way_up_halves_what_a_target_may_have_at_once(slots):
    queue = _trusted(slots, 1)
    for failed in [True] * DOWN_AFTER + [False] * 10 + [True]:
        assert slots.take(queue)
        slots.release(queue, succeeded=not failed, failed=failed)
    slots.set_trust(queue, succeeded=True)
    assert _take_all(slots, 1) == 5
