"""The positions up to which a shard is read and settled."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trunkline.dispatch.shards.progress import SPAN, Progress, Track, next_window
from trunkline.store.shards import Lease, Reached


def _progress(cursor: int = 0, *, stretch_end: int | None = None, live_cursor: int | None = None) -> Progress:
    return Progress(Lease(0, 1, Reached(cursor, stretch_end, live_cursor)))


def test_a_shard_of_which_only_what_waits_is_open_is_settled_up_to_there():
    progress = _progress()
    progress.open(4, 1)
    progress.park(8)
    progress.live.read = 20
    assert not progress.is_settled
    progress.close(4)
    assert progress.is_settled
    assert progress.cursor == 7
    progress.open(12, 1)  # events opened between others are counted as well
    progress.open(10, 1)
    progress.begin(8, 0)
    assert (progress.is_settled, progress.cursor) == (False, 9)
    progress.close(12)
    progress.close(10)
    assert (progress.is_settled, progress.cursor) == (True, 20)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.randoms())
def test_the_cursor_never_passes_an_open_delivery_and_ends_where_it_was_read_to(counts, random):
    progress = _progress()
    for position, count in enumerate(counts, 1):
        progress.open(position, count)
    progress.live.read = len(counts)
    left = [position for position, count in enumerate(counts, 1) for _ in range(count)]
    random.shuffle(left)
    while left:
        assert progress.cursor == min(left) - 1
        progress.close(left.pop())
    assert progress.cursor == len(counts)
    assert progress.is_settled


def _track(read: int, *, end: int | None = None) -> Track:
    return Track(_progress(), start=0, read=read, end=end)


def test_shards_in_step_are_read_together():
    tracks = [_track(10), _track(10)]
    assert next_window(tracks, head=10) == next_window(tracks, head=90) == (tracks, 10, 10 + SPAN)
    assert next_window([], head=10) == ([], 0, SPAN)


def test_shards_at_different_positions_take_turns_before_the_head():
    behind, ahead = _track(3), _track(10)
    assert next_window([ahead, behind], head=10) == ([behind], 3, 10)
    behind.turn = 1
    assert next_window([behind, ahead], head=20) == ([ahead], 10, 10 + SPAN)
    ahead.turn = 2
    assert next_window([behind, ahead], head=20) == ([behind], 3, 10)


def test_a_stretch_is_read_up_to_its_end():
    short, long = _track(3, end=8), _track(3, end=30)
    assert next_window([short, long], head=90) == ([short, long], 3, 8)


def test_a_live_reader_that_goes_on_at_the_head_leaves_a_stretch_which_holds_the_cursor():
    progress = _progress(4)
    progress.open(5, 1)
    progress.live.read = 6
    progress.go_on_at(100)
    progress.open(101, 1)
    progress.live.read = 103
    assert progress.reached == (4, 100, 100)
    progress.close(101)
    progress.close(5)
    assert progress.reached == (6, 100, 103), "what was handed over before it went on is not read again"
    stretch = progress.next_stretch()
    assert (stretch.read, stretch.end) == (6, 100)
    progress.open(50, 1)
    stretch.read = 100
    assert progress.next_stretch() is None
    assert progress.reached == (49, 100, 103)
    progress.close(50)
    assert progress.reached == (103, None, None)


def test_a_second_outage_adds_a_stretch_and_the_one_between_them_is_not_read_again():
    progress = _progress(4, stretch_end=20, live_cursor=30)
    assert (progress.live.read, progress.reached) == (30, (4, 20, 30))
    progress.open(31, 1)
    progress.live.read = 40
    progress.go_on_at(90)
    assert progress.reached == (4, 90, 90)
    spans = []
    while (stretch := progress.next_stretch()) is not None:
        spans.append((stretch.read, stretch.end))
        stretch.read = stretch.end
    assert spans == [(4, 20), (40, 90)]
    assert progress.reached == (30, 90, 90), "31 is open still"
    progress.close(31)
    assert progress.reached == (90, None, None)


def test_a_cursor_that_an_earlier_version_moved_past_the_stretch_ends_it():
    assert _progress(25, stretch_end=20, live_cursor=30).reached == (30, None, None)
    assert _progress(35, stretch_end=20, live_cursor=30).reached == (35, None, None)


def test_what_is_in_an_order_begins_at_the_head_once_all_of_its_company_before_is_in_the_ledger():
    progress = _progress(4, stretch_end=20, live_cursor=30)
    track, written = progress.live, progress.written
    assert not track.is_first_of(1, cursor=19), "nobody has looked"
    track.learn(1, last=12)
    assert [track.is_first_of(1, cursor=cursor) for cursor in (4, 11, 12)] == [False, False, True]
    assert progress.settled_of(1, written) == 4
    assert progress.settled_of(1, written._replace(cursor=12)) == 30
    assert progress.settled_of(2, written._replace(cursor=12)) == 12
    assert track.is_first_of(2, cursor=20)


@given(st.data())
def test_the_ledger_has_what_a_progress_says_it_has(data):
    """Read pages along two tracks, go on at the head and close in any order: everything reached is closed."""
    progress, head, open_, read = _progress(), 0, [], set()
    for _ in range(data.draw(st.integers(1, 25))):
        match data.draw(st.sampled_from(("grow", "live", "stretch", "go on", "close"))):
            case "grow":
                head += data.draw(st.integers(1, 9))
            case "go on" if head > progress.live.read:
                progress.go_on_at(head)
            case "live" | "stretch" as which:
                track = progress.live if which == "live" else progress.next_stretch()
                if track is not None:
                    to = min(track.read + data.draw(st.integers(1, 6)), track.end or head)
                    for position in range(track.read + 1, to + 1):
                        assert position not in read
                        read.add(position)
                        progress.open(position, 1)
                        open_.append(position)
                    track.read = max(to, track.read)
            case _ if open_:
                progress.close(open_.pop(data.draw(st.integers(0, len(open_) - 1))))
            case _:
                pass
        cursor, end, live = progress.reached
        settled = {*range(1, cursor + 1), *(() if end is None else range(end + 1, live + 1))}
        assert settled <= read - {*open_}
        assert cursor == head or cursor + 1 not in read - {*open_} or end == cursor


PAGE = Path(__file__).parents[3] / "docs" / "internals" / "dispatch.md"
STEPS = (
    lambda p: p.go_on_at(4),
    lambda p: _read(p, p.live, 5),
    lambda p: _read(p, p.stretches[0], 1, 2),
    lambda p: (p.close(5), p.close(2)),
    lambda p: p.close(1),
    lambda p: _read(p, p.live, 6),
    lambda p: p.close(6),
    lambda p: (_read(p, p.stretches[0], 3, 4), p.close(3), p.close(4)),
)
"""The step of each row in the page's table."""
UNSETTLED_ROWS = 3


def _read(progress: Progress, track: Track, *positions: int) -> None:
    for position in positions:
        progress.open(position, 1)
        track.read = position


def test_the_table_of_the_internals_is_what_a_progress_does():
    rows = [
        line.split(" | ")
        for line in PAGE.read_text().splitlines()
        if line[:3] in {f"| {n}" for n in range(9)}
    ]
    assert len(rows) == len(STEPS)
    progress = _progress()
    for number, (step, cells) in enumerate(zip(STEPS, rows, strict=True), 1):
        step(progress)
        numbers = [tuple(int(n) for n in re.findall(r"\d+", cell)) for cell in cells[2:6]]
        is_stored = number > UNSETTLED_ROWS
        assert numbers[0] == (progress.live.read,), cells
        assert numbers[1] == (progress.stretches[0].read,), cells
        assert numbers[2] == tuple(sorted(progress._open)), cells
        stored = tuple(n for n in progress.reached if n is not None) if is_stored else (0,)
        assert numbers[3] == stored, cells
