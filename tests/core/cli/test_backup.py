"""``backup`` and ``restore``: complete copies of a database in use, with its secrets; nothing is replaced without a flag."""

import contextlib
import sqlite3
import sys
import threading

import pytest
from tests.core.cli.test_database_files import ACCOUNT, run_all

from trunkline.model import cursors


@pytest.fixture
def lean(cli):
    return cli.with_plugins("webhooks", "polling")


def create_key(cli, name="a"):
    cli.done("migrate")
    cli.done("keys", "create", "--company", "92", "--name", name, "--scope", "events:read")


def names_of_keys(cli):
    return {key["name"] for key in cli.json("keys", "list")["keys"]}


@pytest.mark.slow
def test_a_backup_of_a_hub_that_is_written_to_restores_to_what_it_had(lean):
    create_key(lean)
    with lean.serving():
        stop = threading.Event()

        def write():
            while not stop.is_set():
                lean.run("events", "emit", "payment.failed", "--company", "92")

        writer = threading.Thread(target=write)
        writer.start()
        made = lean.run("backup", "copy.db")
        stop.set()
        writer.join()
        assert (made.returncode, made.stdout) == (0, "copy.db\n"), made.stderr
        in_use = lean.run("restore", "copy.db", "--replace")
        assert in_use.returncode == 2
        assert in_use.stderr == "A process works on trunkline.db; stop it first.\n"
    for name in ("copy.db", "copy.db.secrets"):
        assert (lean.folder / name).stat().st_mode & 0o777 == 0o600
    create_key(lean, "b")
    assert names_of_keys(lean) == {"a", "b"}
    lean.done("restore", "copy.db", "--replace")
    assert names_of_keys(lean) == {"a"}
    lean.done("secrets", "check")
    lean.done("status", "--ledger")
    assert not list(lean.folder.glob("*.restoring*"))


def test_no_id_that_the_lost_log_gave_out_comes_again_however_often_a_backup_is_restored(lean):
    lean.done("migrate")
    lean.emit()
    lean.done("backup", "copy.db")
    given = [lean.emit()["id"]]
    for _ in range(2):
        restored = lean.invoke("restore", "copy.db", "--replace")
        assert restored.exit_code == 0, restored.stderr
        given.append(lean.emit()["id"])
        assert f"The next event's id is {given[-1]} or more" in restored.stderr
    assert sorted(set(given)) == given


def test_the_log_is_advanced_past_what_a_client_has_seen(lean):
    lean.done("migrate")
    lean.emit()
    for seen in ("9000000000", cursors.encode(19_000_000_000), "dlv_29000000000_3"):
        advanced = lean.done("log", "advance", "--past", seen)
    assert advanced.startswith("The next event's id is 29000000001 or more; the newest one here is 19")
    assert lean.emit()["id"] == 29_000_000_001
    assert "'yesterday'" in lean.refused("log", "advance", "--past", "yesterday")


def test_a_clock_is_confirmed(migrated_cli):
    assert migrated_cli.done("clock", "confirm") == "The clock was trusted already.\n"
    migrated_cli.execute("UPDATE clock SET step_ms = 1")
    assert migrated_cli.done("clock", "confirm") == "The clock is trusted as it is now.\n"


def lose(folder):
    for file in folder.glob("trunkline.db*"):
        file.unlink()


def damage(folder):
    (folder / "trunkline.db").write_text("This is no database.\n" * 500)


@pytest.mark.parametrize(("spoil", "options"), [(lose, []), (damage, ["--replace"])])
def test_a_database_that_is_lost_or_damaged_comes_back_with_its_secrets(lean, spoil, options):
    create_key(lean)
    lean.done("backup", "copy.db")
    spoil(lean.folder)
    lean.done("restore", "copy.db", *options)
    assert names_of_keys(lean) == {"a"}
    lean.done("secrets", "check")


def test_nothing_that_is_there_is_replaced_unasked(lean):
    lean.done("migrate")
    lean.done("backup", "copy.db")
    assert lean.refused("backup", "copy.db") == "The file copy.db cannot be made: File exists.\n"
    assert "add --replace" in lean.refused("restore", "copy.db")


def test_what_is_no_database_of_a_hub_is_not_restored(lean):
    create_key(lean)
    (lean.folder / "copy.db").write_text("not a database at all, but a text that is long enough " * 20)
    assert "copy.db is no database of a hub" in lean.refused("restore", "copy.db", "--replace")
    assert names_of_keys(lean) == {"a"}


def test_the_database_behind_a_link_is_replaced_and_its_secrets_are_beside_the_link(lean, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (lean.folder / "trunkline.db").symlink_to(volume / "hub.db")
    (volume / "hub.db").touch()
    create_key(lean)
    lean.done("backup", "copy.db")
    create_key(lean, "b")
    lean.done("restore", "copy.db", "--replace")
    assert names_of_keys(lean) == {"a"}
    assert (lean.folder / "trunkline.db").readlink() == volume / "hub.db"
    assert {path.name for path in volume.iterdir()} == {"hub.db", "hub.db.state"}
    assert {path.name for path in lean.folder.iterdir()} == {
        "trunkline.db", "trunkline.db.secrets", "copy.db", "copy.db.secrets",
    }  # fmt: skip


LIMITED = """if True:
    import os, resource, sys
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
    os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def medium(lean, tmp_path):
    """Make a folder with the backup of a hub that has a key."""
    create_key(lean)
    folder = tmp_path / "medium"
    folder.mkdir()
    lean.done("backup", str(folder / "copy.db"))
    return folder


@pytest.fixture
def other(lean, tmp_path):
    """Give the command line over the database of another folder."""
    return lean.changed(TRUNKLINE_DATABASE__URL=f"sqlite:///{tmp_path}/other.db")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_backup_on_a_read_only_medium_is_restored(other, medium, mode):
    with contextlib.closing(sqlite3.connect(medium / "copy.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        copy.execute(f"PRAGMA journal_mode = {mode}")
    medium.chmod(0o555)
    said = run_all(other, ["restore", f"{medium}/copy.db"], account=ACCOUNT)
    assert said[0] == [f"{other.database}", "0"], said
    assert names_of_keys(other) == {"a"}


def test_a_restore_leaves_nothing_beside_the_backup(lean, medium):
    with contextlib.closing(sqlite3.connect(medium / "copy.db")) as copy:
        copy.execute("PRAGMA journal_mode = WAL")
    lean.done("restore", str(medium / "copy.db"), "--replace")
    assert {path.name for path in medium.iterdir()} == {"copy.db", "copy.db.secrets"}


@pytest.mark.slow
def test_secrets_that_the_account_may_not_read_are_named_and_no_draft_is_left(other, medium, tmp_path):
    (medium / "copy.db.secrets").chmod(0o000)
    said = run_all(other, ["restore", f"{medium}/copy.db"], account=ACCOUNT)
    assert said == (["2"], [f"The file {medium}/copy.db.secrets cannot be read: Permission denied."])
    assert {path.name for path in tmp_path.iterdir()} == {"here", "medium"}


@pytest.mark.slow
def test_a_full_disk_is_not_blamed_on_the_backup(lean):
    create_key(lean)
    lean.done("backup", "copy.db")
    limited = [sys.executable, "-c", LIMITED]
    codes, lines = run_all(lean, ["restore", "../copy.db"], account=limited)
    assert (codes, lines[0].startswith("The file ../copy.db cannot be copied to ")) == (["2"], True), lines
    assert not list((lean.folder / "own").iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["backup", "x.db"], "There is no database at"), (["restore", "x.db"], "There is no backup at x.db")],
)
def test_what_is_missing_is_named(lean, arguments, sentence):
    assert sentence in lean.refused(*arguments)
    assert not list(lean.folder.iterdir())


def test_postgresql_has_tools_of_its_own(cli):
    told = cli.changed(TRUNKLINE_DATABASE__URL="postgresql://h/n").refused("backup", "x.db")
    assert told == "This command is for an SQLite file; use pg_dump for PostgreSQL.\n"
