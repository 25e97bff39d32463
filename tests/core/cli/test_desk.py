"""Commands that need only the database: the modules that they load, and the settings that they still check."""

import subprocess
import sys

import pytest

from trunkline import plugins
from trunkline.cli import desk
from trunkline_kit.hubs import settings_for

HEAVY = {
    "aiodns", "alembic", "asyncpg", "fastapi", "jinja2", "jwt", "opentelemetry", "prometheus_client", "rich", "sqlalchemy.orm", "starlette", "structlog",
    "trunkline.contract", "trunkline.dispatch", "trunkline.outbound", "trunkline.plugins", "uvicorn",
}  # fmt: skip
VALIDATORS = {"jsonschema", "jsonschema_rs", "referencing"}
READING = ["keys list", "companies list", "companies limits 92", "status", "secrets check"]
MAKING = [
    "keys create --company 92 --name n --scope admin",
    "events emit lead.created --company 92",
    "events show 1000",
]
LOOKING = [
    "events tail --company 92 --no-follow",
    "events explain 1000",
    "replays list sub_1",
    "deliveries list sub_1",
    "subscriptions list --company 92",
    "subscriptions show sub_1",
    "quarantine list",
    "quarantine show qtn_1",
    "quarantine delete qtn_1",
    "schemas list",
]
OF_PLUGINS = [
    "plugins",
    "schemas check",
    "subscriptions channels",
    "subscriptions pause sub_1",
    "migrate --plan",
    "run oauth apps",
    "companies delete 4711 --yes",
    "quarantine release qtn_1",
]
OF_REQUESTS = {
    "aiohttp", "fastapi", "httpx2", "jinja2", "jsonschema", "jwt", "mcp", "mcp_types", "phonenumbers", "rich", "starlette", "structlog",
    "trunkline.api.app", "trunkline.dispatch.dispatcher", "uvicorn",
}  # fmt: skip
"""Modules for requests and deliveries: they take half a second of CPU and more."""
OF_SETUP = ["doctor", "migrate --plan", "subscriptions pause sub_1"]
_SCRIPT = """
import sys
from trunkline.cli import app
from trunkline.errors import NotFound
for command in sys.argv[1:]:
    try:
        app(command.split(), standalone_mode=False)
    except NotFound:
        pass
print(*sys.modules, file=sys.stderr)
"""


def run_script(cli, script, *arguments):
    return subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        cwd=cli.folder, env=cli._environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("commands", "absent"),
    [
        (READING, HEAVY | VALIDATORS | {"trunkline.api"}),
        (MAKING, HEAVY),
        (LOOKING, HEAVY - {"trunkline.contract", "trunkline.dispatch"} | {"trunkline.api.models"}),
        (OF_PLUGINS, OF_REQUESTS),
        (OF_SETUP, OF_REQUESTS - {"rich"} | {"alembic", "sqlalchemy.orm"}),
    ],
)
def test_no_plugin_no_api_and_no_validator_is_loaded_for_them(migrated_cli, commands, absent):
    """Modules are counted, because CPU is hard to measure beside other tests; each of them costs a call 30 to 400 ms."""
    done = run_script(migrated_cli, _SCRIPT, *commands)
    assert absent & {*done.stderr.splitlines()[-1].split()} == set()


LATER = OF_REQUESTS - {"starlette", "trunkline.dispatch.dispatcher", "uvicorn"} | {
    "trunkline.api.models", "trunkline.api.routing", "trunkline_portal.portal",
}  # fmt: skip
_READY = """
import asyncio, sys
from trunkline.api.deferred import DeferredApp
from trunkline.cli import processes
from trunkline.hub.hub import Hub
from trunkline.settings import load

async def start():
    async with Hub(load(), defers_routes=True) as hub:
        DeferredApp(hub)
        assert (await hub.readiness())["dispatcher"] == "ok"
        print(*sys.modules)

asyncio.run(start())
"""


@pytest.mark.slow
def test_a_hub_is_ready_before_the_web_framework_is_loaded(migrated_cli):
    done = run_script(migrated_cli, _READY)
    assert LATER & {*done.stdout.split()} == set()


def test_a_section_that_is_nobodys_is_refused_and_a_plugins_is_not(migrated_cli):
    told = migrated_cli.changed(TRUNKLINE_NOBODY__X="1").refused("keys", "list")
    assert told.startswith("'nobody' is not a section")
    migrated_cli.changed(TRUNKLINE_ACTIONS__PROVIDER_URL="https://h.example.com").done("keys", "list")


def test_built_in_plugins_bring_no_event_types_so_that_none_of_them_is_loaded_for_a_new_key():
    settings = settings_for("sqlite:///never-opened.db", {})
    collected = plugins.load(settings).collected
    assert (list(collected.event_types), list(collected.casters)) == ([], [])
    assert desk.has_only_own_plugins(settings)


VERSIONED = """
from trunkline import EventType, hookimpl

@hookimpl
def register_event_types():
    return [EventType("acme.made", "Made", "A thing was made.", {"type": "object", "examples": [{}]}, version=2)]
"""


def test_a_new_key_reads_the_versions_of_event_types_that_a_plugin_brings(migrated_cli):
    (migrated_cli.folder / "acme.py").write_text(VERSIONED)
    with_acme = migrated_cli.with_plugins("webhooks", "acme").changed(TRUNKLINE_PLUGINS__PATHS="acme.py")
    for cli in (with_acme, migrated_cli):
        cli.create_key()
    assert {row[0] for row in migrated_cli.execute("SELECT pins FROM api_keys")} == {'{"acme.made":2}', None}
