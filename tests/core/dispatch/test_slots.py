"""Who may have a place in flight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dispatch.slots import BACKLOG_UNTRUSTED, UNTRUSTED_EACH, Places


def _take_all(places, number):
    standing = places.standing(number)
    taken = 0
    while places.take(standing):
        taken += 1
    return taken


def _trusted(places, number):
    standing = places.standing(number)
    assert places.take(standing)
    places.give_back(standing, succeeded=True)
    return standing


def test_a_new_subscription_gets_a_few_places_only():
    assert _take_all(Places(512, per_subscription=64), 1) == UNTRUSTED_EACH


def test_a_subscription_that_succeeded_gets_all_its_places():
    places = Places(512, per_subscription=64)
    _trusted(places, 1)
    assert _take_all(places, 1) == 64


def test_however_many_new_subscriptions_hang_half_of_the_places_stay_with_the_trusted():
    places = Places(512, per_subscription=64)
    _trusted(places, 0)
    assert sum(_take_all(places, number) for number in range(1, 200)) == 256
    assert _take_all(places, 0) == 64


def test_a_trusted_subscription_that_turns_slow_moves_its_places_to_the_untrusted_half():
    places = Places(100, per_subscription=60)
    slow = _trusted(places, 1)
    _take_all(places, 1)
    places.judge(slow, succeeded=False)
    assert places.untrusted == 60
    assert _take_all(places, 2) == 0
    _trusted_places = places.free
    assert _trusted_places == 40


def test_what_waits_is_started_when_a_place_comes_back_in_the_order_in_which_it_queued():
    places = Places(512, per_subscription=1)
    standing = places.standing(1)
    assert places.take(standing)
    assert places.queue(standing, "first")
    assert places.queue(standing, "second")
    assert places.next_waiting() is None
    places.give_back(standing, succeeded=True)
    assert places.next_waiting() == "first"
    assert places.next_waiting() is None


def test_a_waiting_job_of_one_subscription_does_not_hold_up_that_of_another():
    places = Places(512, per_subscription=1)
    blocked, free = places.standing(1), places.standing(2)
    assert places.take(blocked)
    assert places.queue(blocked, "blocked")
    assert places.queue(free, "free")
    assert places.next_waiting() == "free"


def test_a_failing_subscription_may_not_queue_in_memory_and_a_new_one_only_a_little():
    places = Places(512, per_subscription=64)
    new, failing = places.standing(1), places.standing(2)
    assert [places.queue(new, n) for n in range(BACKLOG_UNTRUSTED + 1)].count(True) == BACKLOG_UNTRUSTED
    assert places.take(failing)
    places.give_back(failing, succeeded=False)
    assert not places.queue(failing, 0)


def test_a_subscription_with_all_its_places_taken_is_busy_until_one_comes_back():
    places = Places(512, per_subscription=2)
    _take_all(places, 7)
    assert places.busy == {7}
    places.give_back(places.standing(7), succeeded=False)
    assert places.busy == set()


@pytest.mark.parametrize("total", [1, 2, 16])
@given(data=st.data())
def test_the_counts_add_up_and_no_bound_is_broken_whatever_happens(total, data):
    places = Places(total, per_subscription=4)
    flying, waiting = [], 0
    for _ in range(data.draw(st.integers(1, 60))):
        number = data.draw(st.integers(1, 5))
        standing = places.standing(number)
        action = data.draw(st.sampled_from(["take", "queue", "end", "slow"]))
        if action == "take" and places.take(standing):
            flying.append(standing)
        elif action == "queue" and places.queue(standing, standing):
            waiting += 1
        elif action == "end" and flying:
            places.give_back(
                flying.pop(data.draw(st.integers(0, len(flying) - 1))), succeeded=data.draw(st.booleans())
            )
        elif action == "slow":
            places.judge(standing, succeeded=False)
        while (following := places.next_waiting()) is not None:
            waiting -= 1
            flying.append(following)
        assert places.taken == len(flying) <= total
        assert places.untrusted == sum(not s.is_trusted for s in flying)
        assert all(flying.count(s) <= 4 for s in flying)
    while flying:
        places.give_back(flying.pop(), succeeded=True)
        while (following := places.next_waiting()) is not None:
            waiting -= 1
            flying.append(following)
    assert waiting == 0, "everything that waited was started in the end"
