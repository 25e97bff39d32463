"""``plugins`` and ``plugins show``: the discovered plugins, and the details of one."""

import json
import sys
from pathlib import Path

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


def install(folder: Path, name: str, source: str, *, requires: str = "trunkline>=0.1,<1") -> Path:
    """Install a distribution as pip does: its module, and its metadata beside it."""
    module = folder / f"acme_{name}.py"
    module.write_text(source)
    metadata = folder / f"acme_{name}-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.2\nRequires-Dist: {requires}\n"
    )
    (metadata / "entry_points.txt").write_text(f"[trunkline]\n{name} = acme_{name}\n")
    return module


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Make a folder of distributions beside the real ones."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@pytest.fixture
def parcels(site, cli):
    """Install and configure the plugin above; give its file."""
    history = site / "acme_parcels_history" / "versions"
    history.mkdir(parents=True)
    (history.parent / "__init__.py").touch()
    (history / "p1.py").write_text(REVISION.format(revision="p1", before=None))
    (history / "p2.py").write_text(REVISION.format(revision="p2", before="'p1'"))
    (cli.folder / "trunkline.toml").write_text('[parcels]\nlabel = "fragile"\ncarriers = ["van", "bike"]\n')
    return install(site, "parcels", PARCELS)


def show(cli, name):
    shown = cli.done("plugins", "show", name, "--json")
    return json.loads(shown)


def test_where_it_comes_from_is_shown(cli, parcels):
    plugin = show(cli, "parcels")
    assert plugin["name"] == "parcels"
    assert (plugin["distribution"], plugin["version"], plugin["requires"]) == (
        "acme-parcels",
        "1.2",
        "<1,>=0.1",
    )
    assert (plugin["module"], plugin["file"]) == ("acme_parcels", str(parcels))
    assert (plugin["state"], plugin["error"], plugin["deprecations"]) == ("active", None, [])


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
    settings = {setting["name"]: setting for setting in show(cli, "parcels")["settings"]}
    assert settings["parcels.depot"] == {
        "name": "parcels.depot",
        "variable": "TRUNKLINE_PARCELS__DEPOT",
        "type": "str",
        "required": False,
        "default": "north",
        "value": "north",
        "description": "where parcels start",
    }
    assert settings["parcels.label"]["required"]
    assert (settings["parcels.label"]["default"], settings["parcels.label"]["value"]) == (None, "fragile")
    assert settings["parcels.carriers"]["type"] == "tuple[str, ...]"
    assert settings["parcels.carriers"]["value"] == "('van', 'bike')"
    assert settings["parcels.limit"]["type"] == "int | None"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_secrets_are_masked_by_their_type_their_name_and_in_addresses(cli, parcels, options):
    output = cli.invoke("plugins", "show", "parcels", *options).output
    assert "parcels.password" in output
    for secret in ("plain-but-secret", "typed-secret", "url-secret"):
        assert secret not in output


def test_the_variable_that_is_shown_sets_the_setting(cli, parcels, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_PARCELS__DEPOT", "south")
    (depot,) = [setting for setting in show(cli, "parcels")["settings"] if setting["name"] == "parcels.depot"]
    assert (depot["default"], depot["value"]) == ("north", "south")


def test_what_it_gives_is_shown(cli, parcels):
    plugin = show(cli, "parcels")
    assert plugin["channels"] == [{"name": "depot", "title": "Depot", "delivers": "pull"}]
    assert plugin["event_types"] == [{"name": "parcel.sent", "title": "Parcel sent"}]
    assert plugin["routes"] == [{"method": "GET", "path": "/api/v1/depot/parcels/{number}"}]
    assert plugin["pages"] == [{"path": "/portal/x/parcels/stock", "title": "Stock", "scope": "admin"}]
    assert plugin["connectors"] == [{"name": "van", "title": "Van"}]
    assert plugin["migrations"] == [
        {"location": "acme_parcels_history:versions", "head": "p2", "revisions": 2}
    ]


def test_what_a_built_in_plugin_carries_out_is_shown(cli):
    plugin = show(cli, "crm")
    assert {"name": "create_lead", "defined_by": "schemas"} in plugin["actions"]
    assert {"name": "find_lead", "defined_by": "schemas"} in plugin["searches"]
    assert {"name": "employees", "defined_by": "schemas"} in plugin["lookups"]


def test_people_get_the_same_as_text(cli, parcels):
    lines = cli.invoke("plugins", "show", "parcels").stdout.splitlines()
    assert lines[:2] == ["parcels", "  state: active"]
    assert "  requires: <1,>=0.1" in lines
    assert lines[lines.index("channels") + 1 :][:2] == ["name\ttitle\tdelivers", "depot\tDepot\tpull"]


def test_a_plugin_that_failed_is_shown_with_the_reason_and_its_hooks(cli, site):
    install(
        site,
        "broken",
        "from trunkline import hookimpl\n\n@hookimpl\ndef register_channels():\n    return 7\n",
    )
    plugin = show(cli, "broken")
    assert plugin["state"] == "failed"
    assert plugin["error"].startswith("Plugin 'broken' returned a value of type int from register_channels")
    assert [hook["name"] for hook in plugin["hooks"]] == ["register_channels"]
    assert plugin["channels"] == []


def test_a_plugin_that_is_for_another_hub_is_shown_without_being_imported(cli, site):
    install(site, "future", "raise AssertionError", requires="trunkline>=99")
    plugin = show(cli, "future")
    assert plugin["error"] == f"Plugin 'future' needs trunkline >=99, but this is trunkline {__version__}"
    assert (plugin["requires"], plugin["file"]) == (">=99", str(site / "acme_future.py"))
    assert "acme_future" not in sys.modules


def test_a_disabled_plugin_is_shown_as_that(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["polling"]\n')
    assert show(cli, "polling")["state"] == "disabled"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("webhook", "did you mean 'webhooks'?"), ("zzz", "found are: actions, alerts, crm, ")],
)
def test_an_unknown_name_ends_with_1_and_close_names(cli, name, hint):
    assert cli.refused("plugins", "show", name, code=1).startswith(f"There is no plugin '{name}'; {hint}")


def test_config_may_stand_before_show(cli):
    (cli.folder / "mine.toml").write_text('[plugins]\ndisabled = ["polling"]\n')
    result = cli.invoke("plugins", "--config", "mine.toml", "show", "polling", "--json")
    assert json.loads(result.stdout)["state"] == "disabled"


def test_the_list_says_what_is_wrong_with_whom(cli, site):
    install(site, "broken", "raise OSError('no such luck')")
    lines = cli.invoke("plugins").stdout.splitlines()
    assert (
        "broken\t1.2\tacme-broken\tfailed\tPlugin 'broken' could not be imported: OSError: no such luck"
        in lines
    )


def test_a_trace_goes_to_standard_error_and_leaves_the_output_as_it_is(cli, parcels, monkeypatch):
    plain = cli.invoke("plugins", "--json")
    monkeypatch.setenv("TRUNKLINE_TRACE_PLUGINS", "1")
    traced = cli.invoke("plugins", "--json")
    assert traced.stdout == plain.stdout
    assert "trace parcels.register_settings() " in traced.stderr
    assert "trace webhooks.register_channels() " in traced.stderr
    assert "secret" not in traced.stderr
