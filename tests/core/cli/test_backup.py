"""``backup`` and ``restore``: whole copies of a database that is written to, with its secrets; nothing is replaced unasked."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.cli.test_serving import _url


@pytest.fixture
def lean(cli):
    return cli.with_plugins("webhooks", "polling")


@pytest.fixture
def migrated(lean):
    assert lean.invoke("migrate").exit_code == 0
    return lean


def create_key(cli, name="a"):
    made = cli.invoke("keys", "create", "--company", "92", "--name", name, "--scope", "events:read")
    assert made.exit_code == 0, made.stderr
    return made.stdout.strip()


def names_of_keys(cli):
    listed = cli.invoke("keys", "list")
    assert listed.exit_code == 0, listed.stderr
    return {name for name in ("a", "b") if f"\t{name}\t" in listed.stdout}


@pytest.mark.slow
def test_a_backup_of_a_hub_that_is_written_to_restores_to_what_it_had(migrated):
    create_key(migrated)
    with migrated.started("serve", "--port", "0") as process:
        _url(process)
        stop = threading.Event()

        def write():
            while not stop.is_set():
                migrated.run("events", "emit", "payment.failed", "--company", "92")

        writer = threading.Thread(target=write)
        writer.start()
        made = migrated.run("backup", "copy.db")
        stop.set()
        writer.join()
        assert (made.returncode, made.stdout) == (0, "copy.db\n"), made.stderr
        in_use = migrated.run("restore", "copy.db", "--replace")
        assert in_use.returncode == 2
        assert in_use.stderr == "A process works on trunkline.db; stop it first.\n"
    assert {
        oct((migrated.folder / name).stat().st_mode & 0o777) for name in ("copy.db", "copy.db.secrets")
    } == {"0o600"}
    create_key(migrated, "b")
    assert names_of_keys(migrated) == {"a", "b"}
    assert migrated.invoke("restore", "copy.db", "--replace").exit_code == 0
    assert names_of_keys(migrated) == {"a"}
    assert migrated.invoke("secrets", "check").exit_code == 0
    assert migrated.invoke("status", "--ledger").exit_code == 0
    assert not list(Path(migrated.folder).glob("*.restoring*"))


def test_a_lost_folder_comes_back_with_its_secrets(migrated):
    create_key(migrated)
    assert migrated.invoke("backup", "copy.db").exit_code == 0
    for file in migrated.folder.glob("trunkline.db*"):
        file.unlink()
    assert migrated.invoke("restore", "copy.db").exit_code == 0
    assert names_of_keys(migrated) == {"a"}
    assert migrated.invoke("secrets", "check").exit_code == 0


def test_nothing_that_is_there_is_replaced_unasked(migrated):
    create_key(migrated)
    migrated.invoke("backup", "copy.db")
    again = migrated.invoke("backup", "copy.db")
    assert (again.exit_code, again.stderr) == (2, "The file copy.db cannot be made: File exists.\n")
    restored = migrated.invoke("restore", "copy.db")
    assert restored.exit_code == 2
    assert "add --replace" in restored.stderr


def test_what_is_no_database_of_a_hub_is_not_restored(migrated):
    create_key(migrated)
    (migrated.folder / "copy.db").write_text("not a database at all, but a text that is long enough " * 20)
    result = migrated.invoke("restore", "copy.db", "--replace")
    assert result.exit_code == 2
    assert "copy.db is no database of a hub" in result.stderr
    assert names_of_keys(migrated) == {"a"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["backup", "x.db"], "There is no database at"), (["restore", "x.db"], "There is no backup at x.db")],
)
def test_what_is_missing_is_named(lean, arguments, sentence):
    result = lean.invoke(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not list(lean.folder.iterdir())


def test_postgresql_has_tools_of_its_own(cli):
    there = replace(cli, environment={"TRUNKLINE_DATABASE__URL": "postgresql://h/n"})
    result = there.invoke("backup", "x.db")
    assert (result.exit_code, result.stderr) == (
        2,
        "This command is for an SQLite file; use pg_dump for PostgreSQL.\n",
    )
