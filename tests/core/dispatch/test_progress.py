"""How far a shard is read and settled."""

from hypothesis import given
from hypothesis import strategies as st

from trunkline.dispatch.progress import SPAN, Progress, next_window
from trunkline.model.deliveries import Key
from trunkline.store.shards import Lease


def _progress(cursor: int = 0, *, shard: int = 0) -> Progress:
    return Progress(Lease(shard, epoch=1, cursor=cursor))


def test_the_cursor_is_where_the_shard_was_read_to_while_nothing_is_open():
    progress = _progress(7)
    progress.read = 12
    assert progress.cursor == 12
    assert progress.is_settled


def test_the_cursor_stays_before_the_first_open_event_whatever_is_closed_behind_it():
    progress = _progress()
    progress.open(3, 1)
    progress.open(5, 1)
    progress.read = 9
    progress.close(5)
    assert progress.cursor == 2
    progress.close(3)
    assert progress.cursor == 9


def test_a_shard_of_which_only_what_waits_is_open_is_settled_up_to_there():
    progress = _progress()
    progress.open(4, 1)
    progress.park(8)
    progress.read = 20
    assert not progress.is_settled
    progress.close(4)
    assert progress.is_settled
    assert progress.cursor == 7
    progress.open(12, 1)  # what is opened between others is counted as well
    progress.open(10, 1)
    progress.begin(8, 0)
    assert (progress.is_settled, progress.cursor) == (False, 9)
    progress.close(12)
    progress.close(10)
    assert (progress.is_settled, progress.cursor) == (True, 20)


def test_an_event_stays_open_until_each_of_its_deliveries_is_settled():
    progress = _progress()
    progress.open(3, 2)
    progress.read = 3
    progress.close(3)
    assert progress.cursor == 2
    progress.close(3)
    assert progress.cursor == 3


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.randoms())
def test_the_cursor_never_passes_an_open_delivery_and_ends_where_it_was_read_to(counts, random):
    progress = _progress()
    for position, count in enumerate(counts, 1):
        progress.open(position, count)
    progress.read = len(counts)
    left = [position for position, count in enumerate(counts, 1) for _ in range(count)]
    random.shuffle(left)
    while left:
        assert progress.cursor == min(left) - 1
        progress.close(left.pop())
    assert progress.cursor == len(counts)


def test_shards_in_step_are_read_together():
    shards = [_progress(10, shard=0), _progress(10, shard=1)]
    assert next_window(shards, head=10) == next_window(shards, head=90) == (shards, 10, 10 + SPAN)


def test_a_shard_that_is_behind_catches_up_to_the_others_which_wait_at_the_head():
    behind, ahead = _progress(3, shard=0), _progress(10, shard=1)
    assert next_window([ahead, behind], head=10) == ([behind], 3, 10)


def test_shards_at_different_positions_take_turns_before_the_head():
    behind, ahead = _progress(3, shard=0), _progress(10, shard=1)
    behind.turn = 1
    assert next_window([behind, ahead], head=20) == ([ahead], 10, 10 + SPAN)
    ahead.turn = 2
    assert next_window([behind, ahead], head=20) == ([behind], 3, 10)


def test_a_shard_with_the_backlog_of_a_company_is_read_by_itself():
    shards = [_progress(3, shard=0), _progress(3, shard=1), _progress(3, shard=2)]
    shards[1].apart = True
    assert next_window(shards, head=20) == ([shards[0], shards[2]], 3, 3 + SPAN)
    shards[0].turn = 1
    assert next_window(shards, head=20) == ([shards[1]], 3, 3 + SPAN)


def test_without_a_shard_there_is_nothing_to_read():
    assert next_window([], head=10) == ([], 0, SPAN)


def test_what_an_earlier_owner_wrote_is_forgotten_behind_the_cursor_once_it_is_much():
    progress = _progress()
    progress.know(Key(position, 1) for position in range(1, 6_001))
    assert len(progress.settled) == 6_000
    progress.read = 5_990
    progress.know([Key(6_001, 1)])
    assert progress.settled == {Key(position, 1) for position in range(5_991, 6_002)}
