"""``plugins`` and ``plugins show``: the discovered plugins, and the details of one."""

import sys

import pytest

from trunkline.version import __version__

PARCELS = '''
"""A plugin with one of everything."""
from contextlib import asynccontextmanager

from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr

from trunkline import Channel, EventType, Migrations, hookimpl
from trunkline.pages import Connector, PortalPage
from trunkline.routes import Routes

router = APIRouter()


class Settings(BaseModel):
    """The section."""

    depot: str = Field(default="north", description="where parcels start")
    carriers: tuple[str, ...] = ()
    limit: int | None = None
    password: str = "plain-but-secret"
    token: SecretStr = SecretStr("typed-secret")
    url: str = "https://user:url-secret@depot.example"
    label: str = Field(description="on each parcel")


@hookimpl
def register_settings():
    return Settings


@hookimpl
def register_event_types():
    return [EventType("parcel.sent", "Parcel sent", "A parcel left.", {"type": "object", "examples": [{}]})]


@hookimpl
def register_channels(context):
    return [Channel("depot", "Depot", "By hand.")]


@router.get("/parcels/{number}")
def show_parcel(number: int) -> int:
    """Show a parcel."""
    return number


@hookimpl
def register_routes(context):
    return [Routes(router, prefix="/depot")]


@hookimpl
def register_portal_pages(context):
    return [PortalPage("stock", "Stock", lambda request: "", scope="admin")]


@hookimpl
def register_connectors():
    return [Connector("van", "Van", "Drives.", lambda product: {})]


@hookimpl
def register_migrations():
    return [Migrations("acme_parcels_history:versions")]


@hookimpl
@asynccontextmanager
async def lifespan(context):
    yield
'''

REVISION = "revision = '{revision}'\ndown_revision = {before}\n\n\ndef upgrade():\n    pass\n"


@pytest.fixture
def parcels(install, cli):
    """Install and configure the plugin above; give its file."""
    file = install("parcels", PARCELS)
    history = file.with_name("acme_parcels_history") / "versions"
    history.mkdir(parents=True)
    (history.parent / "__init__.py").touch()
    (history / "p1.py").write_text(REVISION.format(revision="p1", before=None))
    (history / "p2.py").write_text(REVISION.format(revision="p2", before="'p1'"))
    (cli.folder / "trunkline.toml").write_text('[parcels]\nlabel = "fragile"\ncarriers = ["van", "bike"]\n')
    return file


def show(cli, name):
    return cli.json("plugins", "show", name)


def test_where_it_comes_from_and_what_it_gives_is_shown(cli, parcels):
    plugin = show(cli, "parcels")
    expected = {
        "name": "parcels", "distribution": "acme-parcels", "version": "1.2", "requires": "<1,>=0.1",
        "module": "acme_parcels", "file": str(parcels), "state": "active", "error": None, "deprecations": [],
        "channels": [{"name": "depot", "title": "Depot", "delivers": "pull"}],
        "event_types": [{"name": "parcel.sent", "title": "Parcel sent"}],
        "routes": [{"method": "GET", "path": "/api/v1/depot/parcels/{number}"}],
        "pages": [{"path": "/portal/x/parcels/stock", "title": "Stock", "scope": "admin"}],
        "connectors": [{"name": "van", "title": "Van"}],
        "migrations": [{"location": "acme_parcels_history:versions", "head": "p2", "revisions": 2}],
    }  # fmt: skip
    assert {name: plugin[name] for name in expected} == expected


def test_each_hook_is_shown_with_its_file_and_line(cli, parcels):
    lines = parcels.read_text().splitlines()
    hooks = show(cli, "parcels")["hooks"]
    assert {hook["name"] for hook in hooks} == {
        "register_settings", "register_event_types", "register_channels", "register_routes", "register_portal_pages",
        "register_connectors", "register_migrations", "lifespan",
    }  # fmt: skip
    for hook in hooks:
        assert hook["file"] == str(parcels)
        assert lines[hook["line"] - 1] == "@hookimpl"  # a function begins with its first decorator
        assert any(f"def {hook['name']}(" in line for line in lines[hook["line"] - 1 :][:3])


def test_each_setting_is_shown_with_its_variable_type_default_and_meaning(cli, parcels):
    cli = cli.changed(TRUNKLINE_PARCELS__DEPOT="south")
    settings = {setting["name"]: setting for setting in show(cli, "parcels")["settings"]}
    assert settings["parcels.depot"] == {
        "name": "parcels.depot", "variable": "TRUNKLINE_PARCELS__DEPOT", "type": "str", "required": False,
        "default": "north", "value": "south", "description": "where parcels start",
    }  # fmt: skip
    label, carriers, limit = (settings[f"parcels.{name}"] for name in ("label", "carriers", "limit"))
    assert (label["required"], label["default"], label["value"]) == (True, None, "fragile")
    assert (carriers["type"], carriers["value"]) == ("tuple[str, ...]", "('van', 'bike')")
    assert limit["type"] == "int | None"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_secrets_are_masked_by_their_type_their_name_and_in_addresses(cli, parcels, options):
    output = cli.done("plugins", "show", "parcels", *options)
    assert "parcels.password" in output
    for secret in ("plain-but-secret", "typed-secret", "url-secret"):
        assert secret not in output


def test_what_a_built_in_plugin_carries_out_is_shown(cli):
    plugin = show(cli, "crm")
    for kind, name in (("actions", "create_lead"), ("searches", "find_lead"), ("lookups", "employees")):
        assert {"name": name, "defined_by": "schemas"} in plugin[kind]


def test_people_get_the_same_as_text(cli, parcels):
    lines = cli.invoke("plugins", "show", "parcels").stdout.splitlines()
    assert lines[:2] == ["parcels", "  state: active"]
    assert "  requires: <1,>=0.1" in lines
    assert lines[lines.index("channels") + 1 :][:2] == ["name\ttitle\tdelivers", "depot\tDepot\tpull"]


def test_a_plugin_that_failed_is_shown_with_the_reason_and_its_hooks(cli, install):
    source = "from trunkline import hookimpl\n\n@hookimpl\ndef register_channels():\n    return 7\n"
    install("broken", source)
    plugin = show(cli, "broken")
    assert plugin["state"] == "failed"
    assert plugin["error"].startswith("Plugin 'broken' returned a value of type int from register_channels")
    assert [hook["name"] for hook in plugin["hooks"]] == ["register_channels"]
    assert plugin["channels"] == []


def test_a_plugin_that_is_for_another_hub_is_shown_without_being_imported(cli, install):
    file = install("future", "raise AssertionError", requires="trunkline>=99")
    plugin = show(cli, "future")
    assert plugin["error"] == f"Plugin 'future' needs trunkline >=99, but this is trunkline {__version__}"
    assert (plugin["requires"], plugin["file"]) == (">=99", str(file))
    assert "acme_future" not in sys.modules


@pytest.mark.parametrize(
    ("name", "hint"),
    [("webhook", "did you mean 'webhooks'?"), ("zzz", "found are: actions, alerts, crm, ")],
)
def test_an_unknown_name_ends_with_1_and_close_names(cli, name, hint):
    assert cli.refused("plugins", "show", name, code=1).startswith(f"There is no plugin '{name}'; {hint}")


def test_config_may_stand_before_show(cli):
    (cli.folder / "mine.toml").write_text('[plugins]\ndisabled = ["polling"]\n')
    assert cli.json("plugins", "--config", "mine.toml", "show", "polling")["state"] == "disabled"


def test_the_list_says_what_is_wrong_with_whom(cli, install):
    install("broken", "raise OSError('no such luck')")
    lines = cli.done("plugins").splitlines()
    assert lines[0] == "name\tversion\tdistribution\tstate\terror"
    assert f"webhooks\t{__version__}\ttrunkline\tactive\t" in lines
    fault = "Plugin 'broken' could not be imported: OSError: no such luck"
    assert f"broken\t1.2\tacme-broken\tfailed\t{fault}" in lines
    assert list(cli.folder.iterdir()) == []


def test_a_trace_goes_to_standard_error_and_leaves_the_output_as_it_is(cli, parcels):
    traced = cli.changed(TRUNKLINE_TRACE_PLUGINS="1").invoke("plugins", "--json")
    assert traced.stdout == cli.done("plugins", "--json")
    assert "trace parcels.register_settings() " in traced.stderr
    assert "trace webhooks.register_channels() " in traced.stderr
    assert "secret" not in traced.stderr
