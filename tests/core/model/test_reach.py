"""Several pollers of one consumer do not overlap, in whatever order they commit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from trunkline.model.reach import KEPT, Lease, Reach

STEPS = st.lists(
    st.tuples(st.sampled_from(["lease", "commit", "half", "shorten", "lapse"]), st.integers(0, 5)),
    max_size=40,
)


def test_a_page_that_lapses_is_given_out_again_and_a_later_one_stays_committed():
    reach = Reach(10).give(Lease("a", 10, 20, 100)).give(Lease("b", 20, 30, 200))
    reach = reach.commit("b", 30, now_ms=50)
    assert (reach.cursor, reach.position) == (10, 30)
    assert reach.lapsed(99) is None
    lapsed = reach.lapsed(100)
    assert (lapsed.after, lapsed.up_to) == (10, 20)
    assert reach.commit("a", 20, now_ms=100) is None
    again = reach.give(Lease("c", 10, 15, 300), instead_of=lapsed)
    assert again.commit("a", 20, now_ms=50) is None or again.cursor == 10
    assert (again.lapsed(150).after, again.lapsed(150).up_to) == (15, 20)
    done = again.give(Lease("d", 15, 20, 300), instead_of=again.lapsed(150))
    done = done.commit("d", 20, now_ms=200).commit("c", 15, now_ms=200)
    assert (done.cursor, done.open) == (30, [])


def test_a_commit_may_be_repeated_and_may_take_a_part_of_its_page_only():
    reach = Reach(0).give(Lease("a", 0, 10, 100))
    half = reach.commit("a", 4, now_ms=1)
    assert (half.cursor, half.is_committed(4), half.is_committed(5)) == (4, True, False)
    whole = half.commit("a", 10, now_ms=1)
    assert (whole.cursor, whole.commit("a", 10, now_ms=1)) == (10, whole)
    with pytest.raises(ValueError, match="not within the page"):
        whole.commit("a", 11, now_ms=1)


def test_a_commit_without_a_lease_takes_what_others_hold_and_never_goes_back():
    reach = Reach(0).give(Lease("a", 0, 10, 100)).give(Lease("b", 10, 20, 100))
    moved = reach.commit_all(15)
    assert (moved.cursor, moved.position) == (15, 20)
    assert moved.commit("a", 10, now_ms=1) is None
    assert moved.commit("b", 20, now_ms=1).cursor == 20
    assert reach.commit_all(25).cursor == 25


def test_few_of_the_committed_leases_are_remembered():
    reach = Reach(0)
    for number in range(3 * KEPT):
        given = reach.give(Lease(str(number), number, number + 1, 100))
        reach = given.commit(str(number), number + 1, now_ms=1)
    assert len(reach.leases) == KEPT


@given(STEPS)
def test_whatever_happens_each_position_is_committed_once_and_none_is_skipped(steps):
    reach, now, tokens = Reach(0), 0, 0
    held: list[Lease] = []
    committed: list[int] = []
    for what, number in steps:
        if what == "lease":
            lapsed = reach.lapsed(now)
            after = reach.position if lapsed is None else lapsed.after
            up_to = after + number + 1 if lapsed is None else min(after + number + 1, lapsed.up_to)
            tokens += 1
            held.append(Lease(str(tokens), after, up_to, now + 3))
            reach = reach.give(held[-1], instead_of=lapsed)
        elif what == "lapse":
            now += number
        elif held:
            lease = held[number % len(held)]
            if what == "shorten":
                if lease in reach.leases and lease.after + 1 < lease.up_to:
                    reach = reach.shorten(lease, lease.after + 1)
                    held[number % len(held)] = structs.replace(lease, up_to=lease.after + 1)
                continue
            up_to = lease.up_to if what == "commit" else (lease.after + lease.up_to + 1) // 2
            new = [p for p in range(lease.after + 1, up_to + 1) if not reach.is_committed(p)]
            try:
                after_commit = reach.commit(lease.token, up_to, now_ms=now)
            except ValueError:
                continue
            if after_commit is not None:
                committed += new
                reach = after_commit
        assert sorted(committed) == [p for p in range(1, reach.position + 1) if reach.is_committed(p)]
        assert all(reach.is_committed(position) for position in range(1, reach.cursor + 1))
    now += 10
    while (lapsed := reach.lapsed(now)) is not None:
        tokens += 1
        reach = reach.give(Lease(str(tokens), lapsed.after, lapsed.up_to, now + 3), instead_of=lapsed)
        committed += range(lapsed.after + 1, lapsed.up_to + 1)
        reach = reach.commit(str(tokens), lapsed.up_to, now_ms=now)
    assert sorted(committed) == list(range(1, reach.position + 1))
    assert reach.cursor == reach.position
