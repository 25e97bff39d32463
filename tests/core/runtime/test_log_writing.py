"""Log lines arrive whole and in order; a reader that stops reading blocks no process, and learns what it has missed."""

import logging
import os
import threading
import time

import pytest

from trunkline.runtime.log_writing import FLUSH_SECONDS, MOST_WAITING_BYTES, WriterThread

LINE = "x" * 8_000
MORE_THAN_WAIT = 2 * MOST_WAITING_BYTES // len(LINE)


@pytest.fixture
def pipe():
    """Make a pipe; give the reading end, and a handler that writes to the other end."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as writer:
        handler = WriterThread(writer)
        yield reader, handler
        handler.close()


def _log(handler, message, *arguments):
    handler.handle(logging.LogRecord("test", logging.INFO, __file__, 1, message, arguments, None))


@pytest.mark.parametrize("blocks", [True, False])
def test_nobody_waits_for_a_reader_that_is_away_and_it_is_told_what_it_missed(pipe, blocks):
    reader, handler = pipe
    os.set_blocking(handler._stream.fileno(), blocks)
    began = time.monotonic()
    for number in range(MORE_THAN_WAIT):
        _log(handler, f"{number} {LINE}")
    assert time.monotonic() - began < 30  # otherwise it would wait for ever
    assert MORE_THAN_WAIT // 4 < handler.dropped < MORE_THAN_WAIT

    kept = MORE_THAN_WAIT - handler.dropped
    lines = [reader.readline().decode() for _ in range(kept + 1)]
    assert [line.split()[0] for line in lines[:-1]] == [str(number) for number in range(kept)]
    assert lines[-1] == f"{handler.dropped} log lines were dropped here, as the log was not read in time\n"
    _log(handler, "and on")
    assert reader.readline() == b"and on\n"


def test_a_flush_waits_for_what_is_read_and_a_second_for_what_is_not(pipe):
    reader, handler = pipe
    for _ in range(5):
        _log(handler, "seen")
    handler.flush()
    assert os.read(reader.fileno(), 1000) == b"seen\n" * 5
    for _ in range(20):
        _log(handler, LINE)
    began = time.monotonic()
    handler.flush()
    assert FLUSH_SECONDS <= time.monotonic() - began < FLUSH_SECONDS + 10


def test_what_was_dropped_is_told_at_the_end_of_the_process_too(pipe):
    reader, handler = pipe
    for _ in range(MORE_THAN_WAIT):
        _log(handler, LINE)
    read = []
    reading = threading.Thread(target=lambda: read.extend(iter(reader.readline, b"end\n")))
    reading.start()
    with handler.lock:  # ``logging.shutdown`` knows it
        handler.flush()
    _log(handler, "end")
    reading.join(60)
    assert read[-1].startswith(f"{handler.dropped} log lines were dropped here".encode())


def test_lines_that_nobody_can_read_any_more_are_counted(pipe):
    reader, handler = pipe
    reader.close()
    _log(handler, "unheard")
    handler.flush()
    assert handler.dropped == 1


def test_a_line_that_cannot_be_formatted_says_where_it_is(pipe):
    reader, handler = pipe
    _log(handler, "%d", "no number")
    assert reader.readline().decode() == f"the log line of {__file__}:1 cannot be formatted\n"
