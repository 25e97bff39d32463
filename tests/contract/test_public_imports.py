"""The code shown to plugin authors imports only public modules: the examples, their tests, and new plugins of the command."""

import ast
from collections.abc import Iterator
from pathlib import Path

import trunkline
from trunkline_kit.scaffold.plans import FEATURES, Plan, write_plugin

ROOT = Path(__file__).parents[2]
PUBLIC = {"trunkline", "trunkline.testing", "trunkline.testing.receiver", "trunkline.client", "trunkline.pages", "trunkline.routes"}  # fmt: skip
OWN = {"test_distributions.py", "test_strangers_path.py", "strangers_path.py", "conftest.py"}
"""Our own tests of the examples, which are no part of them."""


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def private_imports(folder: Path) -> dict[str, set[str]]:
    found = {
        file.relative_to(folder).as_posix(): {
            name for name in imported(file) if name.partition(".")[0] == "trunkline" and name not in PUBLIC
        }
        for file in folder.rglob("*.py")
        if file.parent != folder or file.name not in OWN
    }
    assert found
    return {file: names for file, names in found.items() if names}


def test_what_every_plugin_begins_with_is_read_in_one_go():
    names = set(trunkline.__all__) - {"HOOK_API", "__version__"}
    assert len(names) <= 31, (
        "a name that only some plugins need goes into trunkline.pages or trunkline.routes"
    )


def test_the_examples_import_public_modules_alone():
    assert private_imports(ROOT / "tests/third_party") == {}
    assert private_imports(ROOT / "docs/examples") == {}


def test_a_new_plugin_imports_public_modules_alone(tmp_path):
    write_plugin(Plan("acme", tuple(FEATURES)), tmp_path / "acme")
    assert private_imports(tmp_path / "acme") == {}
    tests = "".join(file.read_text() for file in (tmp_path / "acme/tests").glob("*.py"))
    assert "hub.context(" in tests
    assert "hub.hub" not in tests
