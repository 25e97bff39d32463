"""The reference agrees with the code: ``docs/reference/generate.py`` makes the same pages, and they name everything."""

import contextlib
import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pluggy
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.example_product import DEFINITIONS, EVENT_TYPES
from tests.some import some

from trunkline import settings
from trunkline.api import problems
from trunkline.api.app import create_app
from trunkline.api.openapi import openapi
from trunkline.cli import load_commands
from trunkline.contract import hookspecs
from trunkline.errors import SettingsInvalid
from trunkline.plugins.inspection import list_hooks

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generator()


def first_cells(page: str) -> list[str]:
    """Give the texts in back ticks with which the items of the page's lists begin."""
    return re.findall(r"^- `([^`]+)`", (FOLDER / page).read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_what_the_code_says(name):
    assert (FOLDER / name).read_text() == generate.PAGES[name](), "run: python docs/reference/generate.py"


def test_no_page_is_left_over():
    written = {page.name for page in FOLDER.glob("*.md") if generate.NOTE in page.read_text()}
    assert written == set(generate.PAGES)


def test_every_setting_is_there():
    schema = settings.Settings.model_json_schema()
    sections = {name: spec for name, spec in schema["properties"].items() if name in settings.CORE_SECTIONS}
    names = [
        f"{section}.{name}"
        for section, spec in sections.items()
        for name in schema["$defs"][spec["$ref"].rpartition("/")[2]]["properties"]
    ]
    assert first_cells("settings.md") == names


VARIABLES = [f"TRUNKLINE_{name.replace('.', '__').upper()}" for name in first_cells("settings.md")]


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_environment_variable_is_read(variable):
    with contextlib.suppress(SettingsInvalid):
        settings.load(environment={variable: ""})
        return
    with pytest.raises(SettingsInvalid, match=r"^(?!.*is not a setting)"):
        settings.load(environment={variable: ""})


def test_every_hook_is_there_with_its_arguments():
    shown = {
        name: tuple(re.findall(r"(\w+): ", arguments))
        for name, arguments in re.findall(
            r"^def (\w+)\((.*)\) ->",
            (FOLDER / "hooks.md").read_text().partition("## Limits")[0],
            re.MULTILINE,
        )
    }
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    assert shown == list_hooks(manager)
    assert all(inspect.getdoc(getattr(hookspecs, name)) for name in shown)


def test_every_event_type_is_there_with_its_fields():
    text = (FOLDER / "event-types.md").read_text()
    for kind in some(EVENT_TYPES.values()):
        (row,) = re.findall(rf"^\| `{re.escape(kind.name)}` \| (.*)$", text, re.MULTILINE)
        assert re.findall(r"`(\w+)`", row.rpartition(" | ")[2]) == list(kind.schema["properties"])


def test_every_action_search_and_lookup_is_there():
    lines = (FOLDER / "operations.md").read_text().splitlines()
    for one in some(DEFINITIONS):
        row = f"| `{one.method} /api/v1/integrations{one.path}` | `{one.name}` |"
        assert any(line.startswith(row) for line in lines)


def test_every_route_is_there():
    hub = generate.built_in_hub()
    document = openapi(create_app(hub), hub.catalog)
    served = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    shown = set(re.findall(r"^[|-] `(\w+) ([^`]+)`", (FOLDER / "http.md").read_text(), re.MULTILINE))
    unlisted = {
        ("GET", path)
        for path in (
            "/docs",
            "/docs/events",
            "/docs/events/{path:path}",
            "/openapi.json",
            "/openapi-3.0.json",
            "/asyncapi.json",
            "/llms.txt",
        )
    }
    unlisted |= {("GET", "/.well-known/oauth-authorization-server"), ("GET", "/oauth/authorize")}
    unlisted |= {("GET", f"/.well-known/oauth-protected-resource{path}") for path in ("", "/mcp")}
    unlisted |= {(method, f"/oauth/{name}") for method in ("OPTIONS", "POST") for name in ("token", "revoke")}
    unlisted |= {(method, "/mcp") for method in ("DELETE", "GET", "POST")}
    of_the_product = {call for call in served if call[1].startswith(generate.INTEGRATIONS)}
    assert of_the_product
    assert shown == served - of_the_product | unlisted


def test_every_problem_type_is_there():
    assert first_cells("errors.md") == list(problems.TYPES.values())


def test_every_command_is_there():
    def names(group: object, path: str) -> list[str]:
        return [
            name
            for word, command in group.commands.items()
            for name in (
                *([f"{path} {word}"] if getattr(command, "invoke_without_command", True) else ()),
                *(names(command, f"{path} {word}") if hasattr(command, "commands") else ()),
            )
        ]

    rows = re.findall(r"^- `(.*?)`: ", (FOLDER / "cli.md").read_text(), re.MULTILINE)
    expected = names(load_commands(), "trunkline")
    assert len(rows) == len(expected)
    assert [
        name for name, row in zip(expected, rows, strict=True) if f"trunkline {row} ".startswith(f"{name} ")
    ] == expected


def test_every_metric_is_there():
    families = text_string_to_metric_families(generate.built_in_hub().metrics.text().decode())
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        if not family.name.endswith("_created")
    }
    assert set(first_cells("metrics.md")) == names
