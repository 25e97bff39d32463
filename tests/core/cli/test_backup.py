"""``backup`` and ``restore``: complete copies of a database in use, with its secrets; nothing is replaced without a flag."""

import contextlib
import json
import os
import sqlite3
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.cli.conftest import CommandLine
from tests.core.cli.test_database_files import WITHOUT_ROOTS_RIGHTS, run_all
from tests.core.cli.test_serving import _url

from trunkline.model import cursors


@pytest.fixture
def lean(cli):
    return cli.with_plugins("webhooks", "polling")


def create_key(cli, name="a"):
    assert cli.invoke("migrate").exit_code == 0
    made = cli.done("keys", "create", "--company", "92", "--name", name, "--scope", "events:read")
    return made.strip()


def names_of_keys(cli):
    listed = cli.done("keys", "list")
    return {name for name in ("a", "b") if f"\t{name}\t" in listed}


@pytest.mark.slow
def test_a_backup_of_a_hub_that_is_written_to_restores_to_what_it_had(lean):
    create_key(lean)
    with lean.started("serve", "--port", "0") as process:
        _url(process)
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
    assert {oct((lean.folder / name).stat().st_mode & 0o777) for name in ("copy.db", "copy.db.secrets")} == {
        "0o600"
    }
    create_key(lean, "b")
    assert names_of_keys(lean) == {"a", "b"}
    assert lean.invoke("restore", "copy.db", "--replace").exit_code == 0
    assert names_of_keys(lean) == {"a"}
    assert lean.invoke("secrets", "check").exit_code == 0
    assert lean.invoke("status", "--ledger").exit_code == 0
    assert not list(Path(lean.folder).glob("*.restoring*"))


def emit(cli):
    shown = cli.done("events", "emit", "payment.failed", "--company", "92")
    return json.loads(shown)["id"]


def test_no_id_that_the_lost_log_gave_out_comes_again_however_often_a_backup_is_restored(lean):
    create_key(lean)
    emit(lean)
    assert lean.invoke("backup", "copy.db").exit_code == 0
    given = [emit(lean)]
    for _ in range(2):
        restored = lean.invoke("restore", "copy.db", "--replace")
        assert restored.exit_code == 0, restored.stderr
        given.append(emit(lean))
        assert f"The next event's id is {given[-1]} or more" in restored.stderr
    assert sorted(set(given)) == given


def test_the_log_is_advanced_past_what_a_client_has_seen(lean):
    create_key(lean)
    emit(lean)
    for seen in ("9000000000", cursors.encode(19_000_000_000), "dlv_29000000000_3"):
        advanced = lean.done("log", "advance", "--past", seen)
    assert advanced.startswith("The next event's id is 29000000001 or more; the newest one here is 19")
    assert emit(lean) == 29_000_000_001
    refused = lean.invoke("log", "advance", "--past", "yesterday")
    assert (refused.exit_code, "'yesterday'" in refused.stderr) == (2, True)


def test_a_clock_is_confirmed(lean):
    create_key(lean)
    assert lean.invoke("clock", "confirm").stdout == "The clock was trusted already.\n"
    with contextlib.closing(sqlite3.connect(lean.folder / "trunkline.db")) as database, database:
        database.execute("UPDATE clock SET step_ms = 1")
    assert lean.invoke("clock", "confirm").stdout == "The clock is trusted as it is now.\n"


def test_a_lost_folder_comes_back_with_its_secrets(lean):
    create_key(lean)
    assert lean.invoke("backup", "copy.db").exit_code == 0
    for file in lean.folder.glob("trunkline.db*"):
        file.unlink()
    assert lean.invoke("restore", "copy.db").exit_code == 0
    assert names_of_keys(lean) == {"a"}
    assert lean.invoke("secrets", "check").exit_code == 0


def test_nothing_that_is_there_is_replaced_unasked(lean):
    create_key(lean)
    lean.invoke("backup", "copy.db")
    again = lean.invoke("backup", "copy.db")
    assert (again.exit_code, again.stderr) == (2, "The file copy.db cannot be made: File exists.\n")
    assert "add --replace" in lean.refused("restore", "copy.db")


def test_what_is_no_database_of_a_hub_is_not_restored(lean):
    create_key(lean)
    (lean.folder / "copy.db").write_text("not a database at all, but a text that is long enough " * 20)
    assert "copy.db is no database of a hub" in lean.refused("restore", "copy.db", "--replace")
    assert names_of_keys(lean) == {"a"}


def test_a_damaged_database_is_replaced(lean):
    create_key(lean)
    assert lean.invoke("backup", "copy.db").exit_code == 0
    (lean.folder / "trunkline.db").write_text("This is no database.\n" * 500)
    restored = lean.invoke("restore", "copy.db", "--replace")
    assert restored.exit_code == 0, restored.stderr
    assert names_of_keys(lean) == {"a"}


def test_the_database_behind_a_link_is_replaced_and_its_secrets_are_beside_the_link(lean, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (lean.folder / "trunkline.db").symlink_to(volume / "hub.db")
    (volume / "hub.db").touch()
    create_key(lean)
    assert lean.invoke("backup", "copy.db").exit_code == 0
    create_key(lean, "b")
    restored = lean.invoke("restore", "copy.db", "--replace")
    assert restored.exit_code == 0, restored.stderr
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
ACCOUNT = WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else []


def elsewhere(lean, medium):
    """Give the command line over the database of a new folder, without secrets in the environment."""
    url = f"sqlite:///{medium.parent}/other.db"
    return CommandLine(lean.folder, {**lean.environment, "TRUNKLINE_DATABASE__URL": url})


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_backup_on_a_read_only_medium_is_restored(lean, tmp_path, mode):
    create_key(lean)
    medium = tmp_path / "medium"
    medium.mkdir()
    assert lean.invoke("backup", str(medium / "copy.db")).exit_code == 0
    with contextlib.closing(sqlite3.connect(medium / "copy.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        copy.execute(f"PRAGMA journal_mode = {mode}")
    medium.chmod(0o555)
    other = elsewhere(lean, medium)
    said = run_all(other, ["restore", f"{medium}/copy.db"], account=ACCOUNT)
    assert said[0] == [f"{tmp_path}/other.db", "0"], said
    assert names_of_keys(other) == {"a"}


def test_a_restore_leaves_nothing_beside_the_backup(lean, tmp_path):
    create_key(lean)
    medium = tmp_path / "medium"
    medium.mkdir()
    lean.invoke("backup", str(medium / "copy.db"))
    with contextlib.closing(sqlite3.connect(medium / "copy.db")) as copy:
        copy.execute("PRAGMA journal_mode = WAL")
    assert lean.invoke("restore", str(medium / "copy.db"), "--replace").exit_code == 0
    assert {path.name for path in medium.iterdir()} == {"copy.db", "copy.db.secrets"}


@pytest.mark.slow
def test_secrets_that_the_account_may_not_read_are_named_and_no_draft_is_left(lean, tmp_path):
    create_key(lean)
    medium = tmp_path / "medium"
    medium.mkdir()
    lean.invoke("backup", str(medium / "copy.db"))
    (medium / "copy.db.secrets").chmod(0o000)
    said = run_all(elsewhere(lean, medium), ["restore", f"{medium}/copy.db"], account=ACCOUNT)
    assert said == (["2"], [f"The file {medium}/copy.db.secrets cannot be read: Permission denied."])
    assert {path.name for path in tmp_path.iterdir()} == {"here", "medium"}


@pytest.mark.slow
def test_a_full_disk_is_not_blamed_on_the_backup(lean):
    create_key(lean)
    lean.invoke("backup", "copy.db")
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
    there = replace(cli, environment={"TRUNKLINE_DATABASE__URL": "postgresql://h/n"})
    result = there.invoke("backup", "x.db")
    assert (result.exit_code, result.stderr) == (
        2,
        "This command is for an SQLite file; use pg_dump for PostgreSQL.\n",
    )
