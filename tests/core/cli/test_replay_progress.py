"""The progress of a replay: lines in a pipe, and a bar against the counted total on a terminal."""

import io

import pytest
from rich.console import Console

from trunkline.cli.replay_progress import Lines, Total, bar


def _lines(total, *shown):
    """Give the output for a replay with these numbers of delivered events, one a second."""
    now, written = 0.0, list[str]()
    lines = Lines(total, clock=lambda: now, write=written.append)
    for now, delivered in shown:  # noqa: B007 - the clock reads it
        lines.show(delivered)
    return written


def test_a_pipe_gets_a_line_at_once_and_then_one_every_five_seconds():
    assert _lines(Total(1_000_000), (0.2, 300), (5.0, 7_500), (9.9, 15_000), (10.0, 30_000)) == [
        "To be sent: 1,000,000.",
        "7,500 of 1,000,000 delivered, 1,500/s, 11 min 1 s left",
        "30,000 of 1,000,000 delivered, 3,000/s, 5 min 23 s left",
    ]


@pytest.mark.parametrize(
    ("total", "delivered", "said"),
    [
        (Total(100), 0, "0 of 100 delivered, 0/s"),
        (Total(100), 120, "120 of 100 delivered, 24/s, 0.0 s left"),  # more events came before it began
        (Total(100, is_complete=False), 50, "50 of at least 100 delivered, 10/s"),
    ],
)
def test_no_time_is_told_that_nobody_knows(total, delivered, said):
    assert _lines(total, (5.0, delivered))[1:] == [said]


@pytest.mark.parametrize(
    ("total", "drawn", "tells_the_rest"),
    [(Total(4), "1/4", True), (Total(4, is_complete=False), "1/?", False)],
)
def test_a_bar_is_drawn_against_what_was_counted_where_all_of_it_was(total, drawn, tells_the_rest):
    file = io.StringIO()
    with bar(total, Console(file=file, force_terminal=True, width=120)) as show:
        show(1)
    last = file.getvalue().rpartition("\r")[2]
    assert drawn in last
    assert ("left" in last) is tells_the_rest
