"""The reference describes the whole API of plugins: each public name, each field with its meaning."""

import ast
import inspect
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
sys.path.insert(0, str(FOLDER))

import public_api  # noqa: E402
import values  # noqa: E402

PAGES = {page: (FOLDER / page).read_text() for page in values.MODULES}
NAMES = {name: value for page in PAGES for name, value in values.names(page).items()}
PAGE_OF = {name: PAGES[page] for page in PAGES for name in values.names(page)}
GIVEN = public_api.given_types()
HOOKS = {
    name: value
    for name, value in values.names("hooks.md").items()
    if values.section_of(value, GIVEN) in values.WHOLE
}
LEAVES = {
    name: value for name, value in HOOKS.items() if public_api.kind_of(value) in {"value", "model", "protocol"}
}  # fmt: skip
LISTED = {name: value for name, value in NAMES.items() if name not in HOOKS}


def section(name: str) -> str:
    found = re.search(
        rf"^### {re.escape(name)}\n(.*?)(?=^##)", PAGE_OF[name] + "##", re.MULTILINE | re.DOTALL
    )
    assert found, f"the reference has no section '{name}'; run: python docs/reference/generate.py"
    return found[1]


@pytest.mark.parametrize("name", HOOKS)
def test_every_public_name_has_a_section_that_says_something(name):
    text = re.sub(r"^```.*?^```$", "", section(name), flags=re.MULTILINE | re.DOTALL)
    assert len(text.split()) > 2, f"'{name}' has no docstring"


@pytest.mark.parametrize("name", LISTED)
def test_every_other_name_has_a_line_that_says_something_and_names_its_members(name):
    (line,) = re.findall(rf"^- `{re.escape(name)}(?:\(.*?\))?`: (.*)$", PAGE_OF[name], re.MULTILINE)
    assert len(re.sub(r"`[^`]*`,?", "", line).split()) > 1, f"'{name}' has no docstring"
    is_model = public_api.kind_of(LISTED[name]) == "model"
    described = {} if is_model else public_api.describe(LISTED[name])
    expected = {*described.get("fields", {}), *described.get("methods", {})}
    assert expected <= set(re.findall(r"`(\w+)(?:\(\))?`", line))


@pytest.mark.parametrize("name", LEAVES)
def test_every_field_and_method_is_there_with_type_and_default(name):
    described = public_api.describe(LEAVES[name])
    shown = re.search(r"^```python\n(class .*?)^```", section(name), re.MULTILINE | re.DOTALL)
    body = ast.parse(shown[1]).body[0].body if shown else []
    defaults = {
        field: f" = {one['default']}" if "default" in one else ""
        for field, one in described.get("fields", {}).items()
    }
    declared = [
        f"{field}: {described['fields'][field]['type']}{default}" for field, default in defaults.items()
    ]
    assert [ast.dump(line) for line in body] == [ast.dump(ast.parse(line).body[0]) for line in declared]
    for method in described["methods"]:
        assert re.search(rf"^(async )?(def )?{method}[(:]", section(name), re.MULTILINE), method


def errors_of(value: object) -> set[str]:
    text = inspect.getdoc(value) or ""
    listed = re.findall(r"^    ([A-Z][\w, ]*)(?::|$)", text.partition("Raises:\n")[2], re.MULTILINE)
    return {name for names in listed for name in names.split(", ")}


@pytest.mark.parametrize("name", [name for name, value in HOOKS.items() if errors_of(value)])
def test_the_errors_of_a_function_are_there(name):
    assert all(error in section(name) for error in errors_of(HOOKS[name]))


def test_what_a_plugin_makes_is_told_from_what_it_gets():
    gives, _, rest = PAGES["hooks.md"].partition("## What a plugin gets")
    assert "### Channel\n" in gives
    assert "### Result\n" in gives
    assert "### Push\n" in rest
    assert "### PluginContext\n" in rest
    assert "- `HttpClient`: " in rest
