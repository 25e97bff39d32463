"""Files that are not a hub's database: each command says so in one sentence, exits with 2 and makes nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.core.cli.conftest import CommandLine

COMMANDS = (["serve", "--port", "0"], ["migrate"], ["status"], ["keys", "list"])


def make_text(file: Path) -> None:
    file.write_text("This is no database.\n" * 500)


def make_garbage(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" + os.urandom(20_000))


def truncate(file: Path) -> None:
    with file.open("rb+") as stream:
        stream.truncate(file.stat().st_size // 2)


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def every_answer(cli: CommandLine) -> set[str]:
    before = sorted(cli.folder.iterdir())
    said = {cli.refused(*command) for command in COMMANDS}
    assert sorted(cli.folder.iterdir()) == before
    return said


def at(cli: CommandLine, url: str) -> CommandLine:
    return cli.changed(TRUNKLINE_DATABASE__URL=url).with_plugins("webhooks")


@pytest.mark.parametrize("spoil", [make_text, make_garbage, truncate, make_folder])
def test_what_is_no_database_is_refused_with_one_sentence(cli, sqlite_database_url, spoil):
    file = cli.folder / "hub.db"
    shutil.copyfile(sqlite_database_url.removeprefix("sqlite:///"), file)
    spoil(file)
    held = file.is_file() and file.read_bytes()
    for sentence in every_answer(at(cli, f"sqlite:///{file}")):
        assert re.fullmatch(rf"The database does not answer: the (database )?file {file} .+\n", sentence)
    assert (file.is_file() and file.read_bytes()) == held


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///hub.db?mode=ro", "may not have '?'"),
        ("sqlite:///h%75b.db", "may not have '%'"),
        (f"sqlite:///{'/'.join(['x' * 99] * 6)}/hub.db", "bytes, and SQLite takes 504"),
        (f"sqlite:///{'x' * 300}/hub.db", "cannot be used: File name too long"),
    ],
)
def test_a_name_that_no_file_can_have_is_refused_with_one_sentence(cli, url, reason):
    [sentence] = every_answer(at(cli, url))
    assert sentence.startswith("Setting 'database.url': ")
    assert reason in sentence
    assert sentence.count("\n") == 1


def test_a_link_that_leads_to_nothing_is_refused_with_one_sentence(cli):
    (cli.folder / "hub.db").symlink_to(cli.folder / "volume.db")
    lean = at(cli, "sqlite:///hub.db")
    [sentence] = every_answer(lean)
    assert sentence == (
        f"Setting 'database.url': the file 'hub.db' is a link to {cli.folder}/volume.db, which is not there: "
        "put that file back, or name another file\n"
    )
    checks = lean.invoke("doctor").stdout
    assert checks.count(sentence.strip()) == 2
    assert [path.name for path in cli.folder.iterdir()] == ["hub.db"]


ACCOUNT = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Begins a command without the rights of root."""
RUN_ALL = """if True:
    import json, os, sys
    from trunkline.cli import app
    leaves_folder, commands = json.loads(sys.argv[1])
    if leaves_folder:
        os.rmdir(os.getcwd())
    for command in commands:
        try:
            app(command)
        except SystemExit as end:
            print(end.code)
"""


def run_all(
    cli: CommandLine, *commands: list[str], account: Sequence[str] = (), leaves_folder: bool = False
) -> tuple[list[str], list[str]]:
    folder = cli.folder / "own"
    folder.mkdir(exist_ok=True)
    given = json.dumps([leaves_folder, commands])
    found = subprocess.run(
        [*account, sys.executable, "-P", "-c", RUN_ALL, given], cwd=folder, env=os.environ | cli.environment,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in found.stderr
    return found.stdout.splitlines(), found.stderr.splitlines()


@pytest.mark.slow
def test_a_file_that_the_account_may_not_read_or_write_is_refused_and_nothing_is_made(
    cli, sqlite_database_url
):
    file = cli.folder / "hub.db"
    shutil.copyfile(sqlite_database_url.removeprefix("sqlite:///"), file)
    lean = at(cli, f"sqlite:///{file}")
    file.chmod(0o000)
    said = f"The database does not answer: the database file {file} cannot be opened: this account may not read it"
    assert run_all(lean, *COMMANDS, account=ACCOUNT) == (["2"] * 4, [said] * 4)
    file.chmod(0o400)
    said = (
        f"This account may only read {file}: let it write the database's file and the folder in which it is."
    )
    assert run_all(lean, COMMANDS[0], account=ACCOUNT) == (["2"], [said])
    assert {path.name for path in cli.folder.iterdir()} == {"hub.db", "own"}


@pytest.mark.slow
def test_a_folder_that_the_account_may_not_write_is_named(cli, sqlite_database_url):
    folder = cli.folder / "data"
    folder.mkdir()
    shutil.copyfile(sqlite_database_url.removeprefix("sqlite:///"), folder / "hub.db")
    folder.chmod(0o555)
    lean = at(cli, f"sqlite:///{folder}/hub.db")
    said = f"This account may only read {folder}: let it write the database's file and the folder in which it is."
    commands = (["migrate"], ["status"], ["keys", "list"], ["log", "advance"], ["clock", "confirm"])
    assert run_all(lean, *commands, account=ACCOUNT) == (["2"] * 5, [said] * 5)
    checks, _ = run_all(lean, ["doctor"], account=ACCOUNT)
    [check] = [line for line in checks if line.startswith("database\terror\t")]
    assert check.split("\t")[2].startswith(said)
    assert "start the database" not in check


@pytest.mark.slow
def test_a_working_directory_that_was_deleted_is_refused_unless_the_file_is_elsewhere(cli):
    said = (
        "Setting 'database.url': the file 'trunkline.db' is relative, and the working directory was deleted; "
        "change to another one"
    )
    assert run_all(cli.with_plugins("webhooks"), *COMMANDS, leaves_folder=True) == (["2"] * 4, [said] * 4)
    elsewhere = cli.changed(TRUNKLINE_DATABASE__URL=f"sqlite:///{cli.folder}/hub.db")
    assert run_all(elsewhere, ["migrate"], leaves_folder=True)[0][-1] == "0"


@pytest.mark.slow
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_second_serve_through_a_link_is_refused_as_one_of_the_same_name_is(migrated_cli, tmp_path, link):
    other = tmp_path / "other.db"
    link(other, migrated_cli.database)
    second = migrated_cli.changed(TRUNKLINE_DATABASE__URL=f"sqlite:///{other}")
    with migrated_cli.serving():
        refused = second.refused("serve", "--port", "0")
        assert refused.startswith(f"Another 'trunkline serve' works on {other}: ")
    assert not Path(f"{other}.secrets").exists()
