"""A queue in which companies take turns."""

from trunkline.runtime.fair_queue import FairQueue


def queue_of(*items: tuple[int, str]) -> FairQueue[int, str]:
    queue = FairQueue[int, str]()
    for company_id, item in items:
        queue.put(company_id, item)
    return queue


def test_companies_take_turns_however_long_the_queue_of_one_is():
    queue = queue_of((1, "a"), (1, "b"), (1, "c"), (2, "d"), (3, "e"))
    assert [queue.pop() for _ in range(6)] == [(1, "a"), (2, "d"), (3, "e"), (1, "b"), (1, "c"), None]
    assert not queue


def test_a_company_that_is_passed_over_keeps_its_turn():
    queue = queue_of((1, "a"), (2, "b"), (2, "c"), (3, "d"))
    assert queue.pop(lambda company_id, _: company_id != 1) == (2, "b")
    assert queue.pop(lambda _, item: item == "nothing") is None
    assert [queue.pop() for _ in range(3)] == [(1, "a"), (3, "d"), (2, "c")]


def test_an_item_is_removed_from_the_middle_of_its_queue_and_only_once():
    queue = queue_of((1, "a"), (1, "b"), (1, "c"))
    queue.remove(1, "b")
    queue.remove(1, "b")
    queue.remove(2, "a")
    assert (queue.waiting(1), queue.waiting(2)) == (2, 0)
    queue.remove(1, "a")
    queue.remove(1, "c")
    assert not queue
