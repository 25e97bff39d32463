"""Hostile declarations of a plugin: it fails alone, with a sentence that names it, and the hub starts and works without it."""

import itertools
import re

import httpx2
import pytest
from pluggy import PluginManager
from tests.core.cli.conftest import CommandLine
from tests.waiting import until

from trunkline.api.app import create_app
from trunkline.cli.migrating import migrate_database
from trunkline.errors import PluginFailed
from trunkline.hub.hub import Hub
from trunkline.plugins.inspection import list_hooks
from trunkline_kit.hubs import settings_for, start_hub
from trunkline_kit.suites.suite import BUILT_INS

HEAD = """
import asyncio, contextlib
from fastapi import APIRouter
from pydantic import BaseModel, model_validator
from trunkline import *
from trunkline.contract import Batch, Command, CompanyRows, Connector
from trunkline.contract import Migrations, Operation, PortalPage
from trunkline.contract.hookspecs import hookimpl
from trunkline.model.deliveries import BreakerPolicy
from trunkline.routes import Routes
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition
from trunkline.schemas.versions import Caster

def plain(*arguments): ...
async def later(*arguments): ...

class Breaking(list):
    def __iter__(self):
        raise SystemExit(3)

class Exiting(BaseModel):
    @model_validator(mode="before")
    @classmethod
    def read(cls, data):
        raise SystemExit(3)

    @classmethod
    def model_json_schema(cls, *arguments, **named):
        raise KeyError("schema")

class Undescribed(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    what: type(asyncio)

def typed(name="parcel.sent", version=1, title="T", **schema):
    return EventType(name, title, "D", {"type": "object", "examples": [{}], **schema}, version)

def channel(**changes):
    return Channel(**{"name": "fax", "title": "Fax", "description": "F.", "deliver": later, **changes})

def router(method, path):
    made = APIRouter()
    made.add_api_route(path, plain, methods=[method])
    return made

def odd_router():
    made = APIRouter()
    made.routes.append(object())
    return made

def ring(kind="action", method="GET", path="/ring", schema=None):
    return Operation("ring", later, Definition(kind, "ring", "R", "R.", method, path, schema, schema, schema))
"""

ANSWERS = {
    "raises": "raise RuntimeError('no luck')",
    "exits": "raise SystemExit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "raises_at_the_root": "raise BaseException('odd')",
    "gives_nothing": "return None",
    "gives_a_number": "return 7",
    "gives_numbers": "return [7]",
    "gives_what_breaks": "return Breaking([7])",
}
"""The possible bodies of a hook's function."""

DECLARATIONS = {
    "register_settings": {"of_a_validator_that_exits": "Exiting"},
    "register_event_types": {
        "of_the_product": "[typed('lead.created')]",
        "twice": "[typed(), typed()]",
        "in_versions_without_casters": "[typed(), typed(version=2)]",
        "of_a_version_in_words": "[typed(version='x')]",
        "with_a_long_title": "[typed(title='T' * 5_000_000)]",
        "whose_schema_is_elsewhere": "[typed(**{'$ref': 'https://example.com/schema'})]",
    },
    "register_casters": {
        "of_no_type": "[Caster('no.such', 1, 2, plain)]",
        "that_stand_still": "[Caster('lead.created', 1, 1, plain)]",
        "between_lists": "[Caster('lead.created', [], 2, plain)]",
        "without_a_function": "[Caster('lead.created', 1, 2, None)]",
    },
    "register_channels": {
        "of_a_built_in_name": "[channel(name='webhooks')]",
        "twice": "[channel(), channel()]",
        "whose_deliver_is_plain": "[channel(deliver=plain)]",
        "whose_batches_are_plain": "[channel(deliver_batch=plain)]",
        "whose_gaps_are_plain": "[channel(tell_gap=plain)]",
        "whose_check_is_plain": "[channel(check_connection=plain)]",
        "with_a_breaker_of_words": "[channel(breaker=BreakerPolicy('x', 1.0))]",
        "with_a_breaker_without_end": "[channel(breaker=BreakerPolicy(1, float('nan')))]",
        "with_a_target_without_schema": "[channel(target=Exiting)]",
        "with_a_long_description": "[channel(description='D' * 5_000_000)]",
    },
    "register_connectors": {
        "of_a_built_in_name": "[Connector('zapier', 'Z', 'Z.', plain)]",
        "with_steps_of_numbers": "[Connector('own', 'O', 'O.', plain, steps=[7])]",
        "with_remarks_in_words": "[Connector('own', 'O', 'O.', plain, remarks='none')]",
        "with_a_channel_of_numbers": "[Connector('own', 'O', 'O.', plain, channel=7)]",
    },
    "register_operations": {
        "that_a_built_in_plugin_carries_out": "[Operation('create_lead', later)]",
        "whose_run_is_plain": "[Operation('create_lead', plain)]",
        "of_no_kind": "[ring(kind='none', schema={})]",
        "without_schemas": "[ring(schema=7)]",
        "without_a_path": "[ring(path=None, schema={'type': 'object'})]",
    },
    "register_commands": {
        "without_a_signature": "[Command('own', dict)]",
        "without_help": "[Command('own', plain)]",
    },
    "register_routes": {
        "that_the_hub_has": "[Routes(router('POST', '/events'))]",
        "that_a_built_in_plugin_has": "[Routes(router('GET', '/webhooks/subscriptions/{any}'))]",
        "beside_the_framework": "[Routes(APIRouter(), direct={('POST', '/events'): later})]",
        "direct_without_a_map": "[Routes(APIRouter(), direct=7)]",
        "direct_of_numbers": "[Routes(APIRouter(), direct={7: later})]",
        "direct_and_plain": "[Routes(APIRouter(), direct={('GET', '/own'): plain})]",
        "that_are_none": "[Routes(odd_router())]",
    },
    "register_portal_pages": {
        "with_an_icon_of_numbers": "[PortalPage('own', 'Own', plain, icon=7)]",
        "whose_submit_is_plain": "[PortalPage('own', 'Own', plain, submit=plain)]",
        "with_a_long_title": "[PortalPage('own', 'O' * 5_000_000, plain)]",
    },
    "register_migrations": {
        "of_no_package": "[Migrations('no_such_package:migrations')]",
        "of_no_folder": "[Migrations('json:migrations')]",
        "of_no_line": "[Migrations('email:mime')]",
        "of_companies_that_are_a_number": "[Migrations('json:migrations', of_companies=7)]",
        "of_companies_without_a_table": "[Migrations('json:migrations', of_companies=(CompanyRows(None),))]",
    },
}
"""The values that a plugin may give in each hook at start; each of them fails the plugin."""

HOOKS = list_hooks(PluginManager("trunkline"))
AT_START = sorted(name for name in HOOKS if name.startswith("register_"))
LATER = sorted(HOOKS.keys() - set(AT_START))
NUMBERS = itertools.count(1)
PLUGINS = {
    f"{hook.removeprefix('register_')}_{name}": (f"bad_{next(NUMBERS)}", hook, body)
    for hook in AT_START
    for name, body in (
        *ANSWERS.items(),
        *((name, f"return {value}") for name, value in DECLARATIONS.get(hook, {}).items()),
    )
}


def source_of(hook, body, word="def"):
    return f"{HEAD}\n@hookimpl\n{word} {hook}():\n    {body}\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Start a hub with every plugin above, with its app, and only the installed distributions."""
    folder = tmp_path_factory.mktemp("plugins")
    for name, hook, body in PLUGINS.values():
        (folder / f"{name}.py").write_text(source_of(hook, body))
    chosen = {"plugins.paths": str(folder), "logging.level": "error"}
    made = Hub(settings_for(f"sqlite:///{folder / 'x.db'}", chosen))
    create_app(made)
    return made


def test_every_hook_at_start_is_tried():
    assert DECLARATIONS.keys() == set(AT_START)


@pytest.mark.parametrize("what", PLUGINS)
def test_a_plugin_fails_by_what_it_declares(hub, what):
    name, *_ = PLUGINS[what]
    [record] = [record for record in hub.registry.records if record.name == name]
    assert record.state == "failed", what
    assert record.error.startswith(f"Plugin '{name}' ")
    assert len(record.error) < 700


def test_every_other_plugin_runs(hub):
    others = [record for record in hub.registry.records if not record.name.startswith("bad_")]
    assert {record.state for record in others} == {"active"}


@pytest.mark.parametrize(
    ("upgrade", "fault"),
    [
        ("raise KeyError('rows')", "KeyError: 'rows'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("op.execute('CREATE TABEL broken_rows (id int)')", ".*TABEL"),
    ],
)
async def test_migrations_that_cannot_be_applied_keep_no_other_process_from_its_work(
    tmp_path, upgrade, fault
):
    """The migrations of the other plugins are applied as well."""
    history(tmp_path, "broken", upgrade)
    history(tmp_path, "whole", "op.create_table('whole_rows', sa.Column('id', sa.Integer))")
    chosen = {"plugins.paths": str(tmp_path), "plugins.disabled": ",".join(BUILT_INS)}
    settings = settings_for(f"sqlite:///{tmp_path / 'x.db'}", chosen)
    with pytest.raises(PluginFailed, match=f"'broken' has migrations that cannot be applied: {fault}"):
        await migrate_database(settings)
    async with Hub(settings, migrates=False) as hub:
        records = {record.name: record for record in hub.registry.records}
        assert records["whole"].state == "active"
        assert records["broken"].error == (
            "Plugin 'broken' needs migrations that were not applied: broken (nothing → 0001); run 'trunkline migrate'"
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_hub_works_beside_all_of_them(tmp_path):
    """Another plugin interrupts in each later hook, and one has a route that cannot be described."""
    for number, hook in enumerate(LATER):
        (tmp_path / f"later_{number}.py").write_text(source_of(hook, "raise KeyboardInterrupt", "async def"))
    undescribed = (
        "[Routes(made, prefix='/own')]\n\nmade = APIRouter()\n\n@made.get('/a')\ndef a() -> Undescribed: ..."
    )
    (tmp_path / "undescribed.py").write_text(source_of("register_routes", f"return {undescribed}"))
    hub = await start_hub(f"sqlite:///{tmp_path / 'x.db'}", {"plugins.paths": str(tmp_path)})
    try:
        wanted = {"target_url": "http://127.0.0.1:9/", "event_types": ["*"]}
        assert (await hub.client.post("/api/v1/webhooks/subscriptions", json=wanted)).status_code == 201
        await hub.emit("lead.created")
        token = {"Authorization": "Bearer of-no-plugin"}
        assert (await hub.anonymous.get("/api/v1/me", headers=token)).status_code == 503
        told = [f"later_{LATER.index(hook)}" for hook in ("event_accepted", "attempt_finished", "lifespan")]
        await until(lambda: all(f"Plugin '{name}' raised in" in hub.log.text for name in told))
        document = (await hub.anonymous.get("/openapi.json")).json()
        assert "/api/v1/events" in document["paths"]
        assert "/api/v1/own/a" not in document["paths"]
        assert (await hub.client.get("/api/v1/channels")).status_code == 200
    finally:
        await hub.stop()


def history(folder, name, upgrade):
    """Write a plugin as a file, with a folder of revisions beside it."""
    location = 'f"{__name__}:' + f'{name}_versions"'
    (folder / f"{name}.py").write_text(source_of("register_migrations", f"return [Migrations({location})]"))
    (folder / f"{name}_versions").mkdir()
    (folder / f"{name}_versions" / "0001_first.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = '0001'\ndown_revision = None\n\n"
        f"def upgrade():\n    {upgrade}\n"
    )


ROUTES = """
import asyncio, os, sys
from collections.abc import AsyncIterator
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from trunkline.contract.hookspecs import hookimpl
from trunkline.routes import Routes

router = APIRouter()

def leave():
    sys.exit(3)

async def pieces():
    yield b"one"
    sys.exit(3)

@router.get("/plain")
def plain():
    sys.exit(3)

@router.get("/awaited")
async def awaited():
    sys.exit(3)

@router.get("/dependency")
async def dependent(_: None = Depends(leave)):
    return {}

@router.get("/streamed")
async def streamed():
    return StreamingResponse(pieces())

@router.get("/task")
async def task():
    asyncio.get_running_loop().create_task(end())
    return {"task": "begun"}

async def end():
    sys.exit(3)

async def direct(request):
    sys.exit(3)

@hookimpl
def register_routes():
    return [Routes(router, prefix="/leave", direct={("GET", "/direct"): direct})]
"""


@pytest.mark.slow
def test_a_route_that_exits_is_a_problem_and_a_task_that_exits_ends_nothing_else(tmp_path):
    """Use a separate process: an exception that bypasses the error handlers ends the loop, and with it the process."""
    (tmp_path / "leaving.py").write_text(ROUTES)
    hub = CommandLine(tmp_path, {"TRUNKLINE_PLUGINS__PATHS": "leaving.py"}).with_plugins("leaving")
    with hub.serving() as (process, url), httpx2.Client(base_url=f"{url}/api/v1/leave") as client:
        for name in ("plain", "awaited", "dependency", "direct"):
            answer = client.get(f"/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert client.get("/task").json() == {"task": "begun"}
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get("/streamed")
        assert httpx2.get(f"{url}/healthz").status_code == 200
        assert process.stop() == 0
    assert re.search(r'leaving\.py\\?", line \d+, in end', process.errors.read_text())
