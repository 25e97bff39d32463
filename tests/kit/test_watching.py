"""The side effects of code are seen while it is watched, and only then."""

import socket
import subprocess
import sys
import threading

import pytest

from trunkline_kit.watching import kind_of


def look_up():
    socket.getaddrinfo("localhost", 80)


def start_process():
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.parametrize(("act", "kind"), [(look_up, "network"), (start_process, "process")])
def test_deeds_are_noted(trunkline_watch, act, kind):
    with trunkline_watch.watching() as effects:
        act()
    seen = [effect.kind for effect in effects]
    act()

    assert kind in seen
    assert len(effects) == len(seen)


def test_writing_and_reading_are_told_apart(trunkline_watch, tmp_path):
    file = tmp_path / "a.txt"
    with trunkline_watch.watching() as effects:
        file.write_text("a")
        file.read_text()
        file.unlink()

    assert [effect.kind for effect in effects] == ["file", "read", "file"]
    assert str(file) in str(effects[0])


def test_other_threads_can_be_left_out(trunkline_watch):
    with trunkline_watch.watching(every_thread=False) as effects:
        thread = threading.Thread(target=look_up)
        thread.start()
        thread.join()

    assert "network" not in {effect.kind for effect in effects}


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("import", ("json",)),
        ("open", ("/x/__pycache__/a.pyc.1", None, 577)),
        ("open", (3, "w", 0)),
        ("os.mkdir", ("/x/__pycache__",)),
    ],
)
def test_what_the_interpreter_does_for_itself_is_nobodys_deed(event, arguments):
    assert kind_of(event, arguments) is None
