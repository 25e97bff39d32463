"""Rules for every command: help, version, settings files, exit codes."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from operator import attrgetter

import pytest
from tests.reliability import later, migrating
from typer.core import TyperGroup

from trunkline.api.channels import ChannelHandlers
from trunkline.api.companies import CompanyHandlers
from trunkline.api.keys import KeyHandlers
from trunkline.api.routing import routes_of
from trunkline.api.subscriptions import SubscriptionHandlers
from trunkline.cli import commands, load_commands
from trunkline.cli.commands import ListedCommand
from trunkline.cli.plugins import SEARCH
from trunkline.version import __version__


def _commands(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*path, name))
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield (*path, name)


COMMANDS = sorted(_commands(load_commands()))


def test_trunkline_alone_shows_help(cli):
    output = cli.invoke().output
    assert "Usage" in output
    assert "serve" in output


def test_version_is_printed(cli):
    assert cli.done("--version") == f"trunkline {__version__}\n"


def test_what_the_api_does_with_subscriptions_deliveries_companies_and_keys_a_command_does_too():
    done_by = {
        "GET /channels": "subscriptions channels",
        "GET /subscriptions": "subscriptions list",
        "GET /subscriptions/{subscription_id}": "subscriptions show",
        "PATCH /subscriptions/{subscription_id}": "subscriptions update",
        "DELETE /subscriptions/{subscription_id}": "subscriptions delete",
        "POST /subscriptions/{subscription_id}/rotate-secret": "subscriptions rotate-secret",
        "POST /subscriptions/{subscription_id}/test": "subscriptions test",
        "GET /subscriptions/{subscription_id}/deliveries": "deliveries list",
        "GET /deliveries/{delivery_id}": "deliveries show",
        "POST /deliveries/{delivery_id}/retry": "deliveries retry",
        "POST /deliveries/{delivery_id}/skip": "deliveries skip",
        "POST /subscriptions/{subscription_id}/replay": "replay",
        "GET /replays/{replay_id}": "replays show",
        "DELETE /replays/{replay_id}": "replays cancel",
        "GET /companies": "companies list",
        "POST /companies": "companies create",
        "GET /companies/{company_id}": "companies show",
        "PATCH /companies/{company_id}": "companies set",
        "DELETE /companies/{company_id}": "companies delete",
        "GET /erasures/{erasure_id}": "companies receipt",
        "GET /keys": "keys list",
        "POST /keys": "keys create",
        "POST /keys/{key_id}/rotate": "keys rotate",
        "DELETE /keys/{key_id}": "keys revoke",
        "GET /me": "keys list",
    }
    classes = (ChannelHandlers, CompanyHandlers, KeyHandlers, SubscriptionHandlers)
    assert set(done_by) == {f"{route.method} {route.path}" for each in classes for route in routes_of(each)}
    assert set(done_by.values()) <= {" ".join(path) for path in COMMANDS}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_commands_help_says_what_it_does_and_gives_an_example_of_itself(cli, path):
    assert f"Example: trunkline {' '.join(path)}" in " ".join(cli.done(*path, "--help").split())


@pytest.mark.parametrize("source", [*commands.COMMANDS.values(), SEARCH], ids=attrgetter("place"))
def test_the_line_in_the_list_of_commands_is_the_first_paragraph_of_the_commands_own_help(source):
    command = ListedCommand("name", source).load()
    assert command.name == "name"
    assert source.summary == " ".join(command.help.partition("\n\n")[0].split())
    assert (command.hidden, command.deprecated, command.short_help) == (False, False, None)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], []], ids=str)
def test_the_list_of_commands_needs_no_part_of_the_hub(cli, arguments):
    script = "import sys, trunkline.cli as c\ntry: c.main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        cwd=cli.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    loaded = {*done.stderr.splitlines()[-1].split()}
    rooms = {name.split(".")[1] for name in loaded if name.startswith("trunkline.")}
    assert rooms == {"cli", "errors", "lazy_names", "oldest", "runtime", "version"}
    assert loaded.isdisjoint({
        "alembic", "cryptography", "fastapi", "httpx2", "jsonschema", "pydantic", "sqlalchemy", "uvicorn", "uvloop",
    })  # fmt: skip


def test_an_unknown_command_names_the_ones_that_are_close(cli):
    assert "No such command 'evnts'. Did you mean 'events'?" in cli.refused("evnts")


def test_internal_options_are_not_shown(cli):
    assert "listener-fd" not in cli.invoke("serve", "--help").output


@pytest.mark.parametrize("arguments", ["--config mine.toml plugins", "plugins --config mine.toml"])
def test_config_is_taken_before_and_after_the_command(cli, arguments):
    (cli.folder / "mine.toml").write_text('[plugins]\ndisabled = ["polling"]\n')
    states = {plugin["name"]: plugin["state"] for plugin in cli.json(*arguments.split())["plugins"]}
    assert (states["polling"], states["webhooks"]) == ("disabled", "active")


def test_config_before_a_group_reaches_its_commands(cli):
    told = cli.refused("--config", "missing.toml", "keys", "list")
    assert told == "The settings file missing.toml cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    "command", [["serve"], ["migrate"], ["plugins"], ["keys", "list"], ["schemas", "check"]]
)
def test_an_unknown_setting_stops_with_one_sentence_that_names_it(cli, command):
    (cli.folder / "trunkline.toml").write_text("[server]\nprot = 8000\n")
    assert cli.refused(*command) == "Setting 'server.prot': is not a setting; did you mean 'server.port'?\n"


def test_a_broken_schema_file_stops_with_exit_code_2(cli):
    (cli.folder / "schemas" / "events").mkdir(parents=True)
    (cli.folder / "schemas" / "events" / "order.placed.json").write_text("{")
    assert "order.placed.json" in cli.refused("plugins")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("plugins.enabled", "nonesuch"),
        ("limits.storage_url", "memcached://x"),
        ("limits.storage_url", "redis://:hunter2@127.0.0.1:six/0"),
        ("auth.oauth", '{"issuer": "https://id.example.com"}'),
        ("brand.logo", "missing.svg"),
    ],
)
def test_a_start_that_a_setting_stops_leaves_nothing_behind(cli, setting, value):
    variable = "TRUNKLINE_" + setting.upper().replace(".", "__")
    told = cli.changed(**{variable: value}).refused("serve", "--port", "0")
    assert told.count("\n") == 1
    assert setting in told
    assert "hunter2" not in told
    assert list(cli.folder.iterdir()) == []


def test_migrate_tells_what_it_applied_and_then_that_nothing_is_to_be_done(cli):
    assert re.match(r"core: nothing → \d{4}\n", cli.done("migrate"))
    assert cli.done("migrate") == "The database is up to date; nothing was to be done.\n"


def test_a_plan_says_what_migrating_would_do_and_does_nothing(cli):
    cli = cli.changed(**later.ENVIRONMENT)
    new = cli.done("migrate", "--plan")
    assert new.startswith(
        "There is nothing of a hub in the database yet: 'trunkline migrate' makes all of it"
    )
    assert list(cli.folder.iterdir()) == []
    asyncio.run(migrating.make_first(f"sqlite:///{cli.folder / 'trunkline.db'}", events=100))
    plan = cli.invoke("migrate", "--plan")
    assert "later 0002\tadds to events: later (100 rows)\tthe only writer\ta moment\n" in plan.stdout
    assert "Estimated from the sizes of the tables" in plan.stdout
    steps = cli.json("migrate", "--plan")["steps"]
    assert steps[0]["revision"] == "0002"
    assert cli.invoke("migrate").stdout.startswith("later: 0001 → ")
    assert cli.invoke("migrate", "--plan").stdout == "The database is up to date; nothing to be done.\n"
    assert "'--json' goes with '--plan'" in cli.refused("migrate", "--json")
