"""The environment of a command on a machine: Python's optimization, the locale; with real processes."""

import json
import os
from dataclasses import replace

import httpx2
import pytest
from tests.core.cli.conftest import READY
from tests.core.cli.test_database_files import ACCOUNT, run_all

WITHOUT_UTF8 = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
def test_every_plugin_and_the_demo_run_without_docstrings_and_asserts(cli):
    optimized = cli.changed(PYTHONOPTIMIZE="2")
    with optimized.serving() as (_, url):
        assert httpx2.get(f"{url}/readyz").json() == READY
        paths = ("/openapi.json", "/docs", "/docs/events")
        assert {httpx2.get(f"{url}{path}").status_code for path in paths} == {200}
    listed = json.loads(optimized.run("plugins", "--json").stdout)["plugins"]
    assert {plugin["name"]: plugin["error"] for plugin in listed if plugin["state"] != "active"} == {}
    assert optimized.run("run", "oauth", "--help").returncode == 0
    done = optimized.run("demo", "--exit")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_settings_schemas_and_arguments_may_have_any_letters_where_the_locale_has_none(cli):
    posix = cli.changed(**WITHOUT_UTF8)
    folder = cli.folder / "żółw"
    begun = posix.run("init", "--name", "Łódź ✓", "--key-prefix", "lodz", "--into", str(folder), "--yes")
    assert begun.returncode == 0
    assert "Łódź ✓" in (folder / "trunkline.toml").read_text(encoding="utf-8")
    there = replace(posix, folder=folder)
    brand = json.loads((folder / "schemas" / "brand.json").read_text(encoding="utf-8"))
    assert brand["title"] == "Łódź ✓"
    create = ["keys", "create", "--name", "Jürgen", "--company", "1", "--scope", "events:read"]
    for command in (["schemas", "check"], ["migrate"], create):
        assert there.run(*command).returncode == 0
    (key,) = json.loads(there.run("keys", "list", "--json").stdout)["keys"]
    assert key["name"] == "Jürgen"
    assert posix.run("demo", "--exit").returncode == 0


@pytest.mark.slow
def test_a_start_warns_of_a_file_of_secrets_that_every_account_may_read(cli):
    lean = cli.with_plugins("polling")
    with lean.serving() as (process, _):
        assert "may read the secrets" not in process.errors.read_text()
    (cli.folder / "trunkline.db.secrets").chmod(0o644)
    with lean.serving() as (process, _):
        assert "'chmod o= trunkline.db.secrets' takes that away" in process.errors.read_text()


def test_an_argument_that_is_no_text_is_refused(cli):
    done = cli.run("keys", "create", "--operator", "--name", os.fsdecode(b"\xff"))
    assert (done.returncode, done.stderr) == (2, "An argument is not UTF-8.\n")


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["schemas", "schemas/events"])
def test_a_folder_of_schemas_that_the_account_may_not_read_is_named(cli, closed):
    lean = cli.with_plugins("webhooks")
    (lean.folder / "own" / "schemas" / "events").mkdir(parents=True)
    folder = lean.folder / "own" / closed
    folder.chmod(0o000)
    commands = (["serve", "--port", "0"], ["schemas", "check"], ["migrate", "--plan"], ["doctor"])
    codes, lines = run_all(lean, *commands, account=ACCOUNT)
    assert [code for code in codes if code.isdecimal()] == ["2", "1", "2", "2"]
    said = [line for line in codes + lines if "the folder cannot be read: Permission denied" in line]
    assert len(said) == 4, (codes, lines)
    folder.chmod(0o755)
