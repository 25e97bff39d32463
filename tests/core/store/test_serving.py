"""One process serves an embedded database; a second is told so, and one that has ended is in nobody's way."""

import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.errors import DatabaseUnfit
from trunkline.store.serving import served_alone

HOLD = """if True:
    import sys
    from pathlib import Path
    from trunkline.store.serving import served_alone
    with served_alone(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
"""


def test_a_second_is_refused_until_the_first_has_ended_even_by_a_kill(tmp_path: Path):
    file = tmp_path / "hub.db"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout.readline() == b"held\n"
        refused = pytest.raises(DatabaseUnfit, match=r"^Another 'trunkline serve' works on .*hub\.db: ")
        with refused, served_alone(file):
            pass
        first.kill()
    with served_alone(file):
        assert (tmp_path / "hub.db.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_name_was_taken_away_holds_nobody_up(tmp_path: Path):
    file = tmp_path / "hub.db"
    with served_alone(file):
        (tmp_path / "hub.db.lock").unlink()
        with served_alone(file):
            pass


def test_a_server_is_not_locked():
    with served_alone(None), served_alone(None):
        pass
