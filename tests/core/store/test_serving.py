"""One process serves an embedded database; a second process is refused, and a dead process blocks none."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.store import file_state, serving
from trunkline.store.copies import copy_database
from trunkline.store.database_file import DatabaseFile
from trunkline.store.dialects import needs_secrets
from trunkline.store.serving import examined, keep_state, served_alone

HOLD = """if True:
    import sys
    from pathlib import Path
    from trunkline.store.serving import served_alone
    with served_alone(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
"""


def test_a_second_is_refused_until_the_first_has_ended_even_by_a_kill(tmp_path):
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


def test_a_lock_whose_name_was_taken_away_holds_nobody_up(tmp_path):
    file = tmp_path / "hub.db"
    with served_alone(file):
        (tmp_path / "hub.db.lock").unlink()
        with served_alone(file):
            pass


def test_a_server_is_not_locked():
    with served_alone(None), served_alone(None):
        pass


def serve(file: Path, *, takes_any: bool = False) -> None:
    """Serve *file*, and end cleanly."""
    with examined(file, takes_any=takes_any) as note_start:
        note_start()


def examine(file: Path, *, takes_any: bool = False) -> None:
    """Begin to serve *file*, but do not start."""
    with examined(file, takes_any=takes_any):
        pass


@pytest.fixture
def file(sqlite_database_url: str) -> Path:
    """Make a migrated database that was served up to event 2,000 and closed cleanly."""
    file = Path(sqlite_database_url.removeprefix("sqlite:///"))
    write(file, "UPDATE stream_head SET position = 2000")
    serve(file)
    return file


def write(file: Path, statement: str) -> None:
    with contextlib.closing(DatabaseFile(file, creates=True).connect(cache_kib=100)) as connection:
        connection.execute(statement)


def break_off(file: Path) -> None:
    """Serve *file*, and end as kill -9 does."""
    with contextlib.suppress(KeyboardInterrupt), examined(file, takes_any=False) as note_start:
        note_start()
        raise KeyboardInterrupt


def test_nothing_is_said_of_a_file_that_was_closed_cleanly(file, caplog):
    examine(file)
    assert caplog.text == ""
    assert file_state.read(file).head == 2000


def test_the_write_ahead_log_of_a_file_that_is_gone_is_kept(file):
    log = Path(f"{file}-wal")
    log.write_bytes(b"events")
    file.with_name(f"{file.name}.state").unlink()
    for leave in (Path.unlink, Path.touch):
        leave(file)
        assert not needs_secrets(file)
        for use in (examined(file, takes_any=False), contextlib.nullcontext()):
            with (
                pytest.raises(StoreUnavailable, match=r"is not there, or empty, and .*-wal has events of it"),
                use,
            ):
                copy_database(file, file.with_name("backup.db"))
        with pytest.raises(StoreUnavailable, match="is not there, or empty"):
            DatabaseFile(file, creates=True).connect(cache_kib=100)
        assert log.read_bytes() == b"events"
    with examined(file, takes_any=True):
        assert not log.exists()


@pytest.mark.parametrize("leave", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_file_that_is_gone_or_empty_is_not_begun_anew_unasked(file, leave):
    leave(file)
    with pytest.raises(
        DatabaseUnfit, match=r"is not there, or empty, .* up to 2000: put it back, .* --new'\.$"
    ):
        examine(file)
    examine(file, takes_any=True)


def test_another_log_is_refused_unless_asked_for(file):
    write(file, "PRAGMA application_id = 7")
    with pytest.raises(DatabaseUnfit, match="has another log than"):
        examine(file)
    serve(file, takes_any=True)
    examine(file)


def test_a_log_that_went_back_is_refused_until_it_is_moved_on(file):
    write(file, "UPDATE stream_head SET position = 1500")
    with pytest.raises(
        DatabaseUnfit, match=r"ends at event 1500, and it had come to event 2000: .*log advance"
    ):
        examine(file)
    write(file, "UPDATE stream_head SET position = 1000001500")
    examine(file)


def test_after_an_end_that_was_not_clean_the_start_says_what_it_found(file, caplog, monkeypatch):
    break_off(file)
    examine(file)
    assert "was not closed cleanly at the last run; no damage was found\n" in caplog.text
    monkeypatch.setattr(serving, "CHECK_SECONDS", -1.0)
    examine(file)
    if sqlite3.sqlite_version_info >= (3, 42):
        assert "but not all was read" in caplog.text


def test_a_damaged_file_is_found_after_an_end_that_was_not_clean(file):
    write(
        file,
        "CREATE TABLE things AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i FROM n",
    )
    break_off(file)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("rb+") as stream:
        stream.seek(-5 * 4096, 2)
        stream.write(b"\xff" * 4096)
    with pytest.raises(DatabaseUnfit, match=r"is damaged \(.*restore FILE --replace"):
        examine(file, takes_any=True)


def test_a_copy_says_that_it_is_one_and_goes_on(file, caplog):
    shutil.copyfile(file, copy := file.with_name("copy.db"))
    copy.replace(file)
    examine(file)
    assert "is another one than at the last run, a copy perhaps; no damage was found" in caplog.text


def test_the_log_of_a_file_that_was_replaced_is_never_taken_over(file):
    shutil.copyfile(file, copy := file.with_name("copy.db"))
    used = DatabaseFile(file, creates=False).connect(cache_kib=100)
    used.execute("UPDATE stream_head SET position = 2100")
    keep_state(file, is_clean=False)
    copy.replace(file)
    used.close()  # SQLite notices, and leaves the write-ahead log in place
    log = Path(f"{file}-wal")
    held = file.read_bytes(), log.read_bytes()
    with pytest.raises(StoreUnavailable, match="is of the file before: put that one back, or"):
        DatabaseFile(file, creates=True).connect(cache_kib=100)
    with pytest.raises(StoreUnavailable, match="is of the file before"):
        examine(file, takes_any=True)
    assert held == (file.read_bytes(), log.read_bytes())
    log.unlink()
    with pytest.raises(DatabaseUnfit, match="had come to event 2100"):
        examine(file)


def test_a_state_that_cannot_be_kept_stops_nothing(file, caplog):
    Path(f"{file}.state.new").mkdir()
    serve(file)
    assert f"{file}.state cannot be written" in caplog.text
