"""Distributions in a folder, and plugins made in memory."""

import sys
from dataclasses import fields
from types import ModuleType

import pytest

from trunkline.contract import PluginContext, hookspecs
from trunkline.plugins import PluginRecord, Registry, logger_of

HEAD = """
import sys
from fastapi import APIRouter
from pydantic import BaseModel
from trunkline.contract import Channel, Migrations, Routes
from trunkline.contract.hookspecs import hookimpl
from trunkline.schemas.catalog import EventType
"""

FAX = """
@hookimpl
def register_channels(context):
    return [Channel("fax", "Fax", "By fax.")]
"""

GOOD = """
class Settings(BaseModel):
    token: str = "none"
    retries: int = 3

@hookimpl
def register_settings():
    return Settings

@hookimpl
def register_event_types():
    return [EventType("parcel.sent", "Parcel sent", "A parcel left.", {"type": "object", "examples": [{}]})]

@hookimpl
def register_migrations():
    return [Migrations("acme_good:migrations")]

@hookimpl
def register_channels(context):
    return (Channel("pigeon", "Pigeon", f"{context.settings.retries} birds."),)

router = APIRouter()

@router.get("/pigeons")
def list_pigeons():
    return []

@hookimpl
def register_routes(context):
    return [Routes(router, prefix="/good")]
"""

# distribution -> (its dependency on the hub, its plugins: name -> source of the module)
DISTRIBUTIONS = {
    "acme-good": ("trunkline>=0.1,<99", {"good": GOOD}),
    "acme-broken": ("trunkline", {"broken": "raise RuntimeError('no such luck')"}),
    "acme-exits": ("trunkline", {"exits": "sys.exit(3)"}),
    "acme-twin-one": ("trunkline", {"twin": FAX}),
    "acme-twin-two": ("trunkline", {"twin": FAX}),
    "acme-misspelt": ("trunkline", {"misspelt": "@hookimpl\ndef register_chanels(context):\n    return []"}),
    "acme-new": ("trunkline>=99", {"too_new": "raise AssertionError('must not be imported')"}),
    "acme-old": ("trunkline<0.1", {"too_old": "raise AssertionError('must not be imported')"}),
    "acme-rangeless": (None, {"rangeless": FAX}),
    "acme-bundle": (
        "trunkline>=0.1",
        {
            "clash_one": FAX,
            "clash_two": FAX,
            "hookless": "def helper():\n    pass",
            "unmarked": "def register_channels(context):\n    return []",
            "argument": "@hookimpl\ndef register_channels(ctx):\n    return []",
            "raises": "@hookimpl\ndef register_event_types():\n    raise KeyError('types')",
            "nonsense": "@hookimpl\ndef register_event_types():\n    return None",
            "syntax": "def (:",
        },
    ),
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Make a folder with every distribution above, as pip installs them."""
    folder = tmp_path_factory.mktemp("installed")
    for name, (requirement, plugins) in DISTRIBUTIONS.items():
        package = name.replace("-", "_")
        (folder / package / "migrations").mkdir(parents=True)
        revision = 'revision = "0001"\ndown_revision = None\n'
        (folder / package / "migrations" / "0001_none.py").write_text(revision)
        (folder / package / "__init__.py").touch()
        for plugin, source in plugins.items():
            (folder / package / f"{plugin}.py").write_text(f"{HEAD}{source}\n")
        info = folder / f"{package}-1.2.dist-info"
        info.mkdir()
        requires = f"Requires-Dist: {requirement}\n" if requirement else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.2\n{requires}")
        entries = "".join(f"{plugin} = {package}.{plugin}\n" for plugin in plugins)
        (info / "entry_points.txt").write_text(f"[trunkline]\n{entries}")
    return folder


@pytest.fixture
def importable(installed, monkeypatch):
    monkeypatch.syspath_prepend(str(installed))
    yield installed
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@pytest.fixture
def make_registry():
    """Make a registry of plugins that are lists of functions: ``make_registry(fax=[event_accepted])``."""

    def make(*, required=False, **plugins):
        records = [PluginRecord(name, "1.0", "acme", "active") for name in plugins]
        registry = Registry(records, required=required)
        for name, functions in plugins.items():
            module = ModuleType(name)
            for function in functions:
                setattr(module, function.__name__, hookspecs.hookimpl(function))
            registry.register(name, module)
        return registry

    return make


@pytest.fixture
def make_context():
    def make(name, settings):
        nothing = dict.fromkeys(field.name for field in fields(PluginContext) if field.init)
        return PluginContext(
            **nothing | {"name": name, "settings": settings, "pages": tuple, "log": logger_of(name)}
        )

    return make
