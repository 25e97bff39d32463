"""The package for npm: its files, the checks of its own tools, and its types."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.clients.typescript.conftest import HERE, ROOT

import trunkline

MOST_BYTES = 120_000
"""Limit of the installed size."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_it_holds_what_is_built_and_npms_own_tools_find_no_fault(packed, source, run):
    (listed,) = json.loads(run("npm", "pack", "--dry-run", "--json", "--ignore-scripts", cwd=source))
    names = {file["path"] for file in listed["files"]}
    assert {"package.json", "README.md", "dist/index.js", "dist/index.d.ts", "dist/node.d.ts"} <= names
    assert {Path(name).parts[0] for name in names} == {"package.json", "README.md", "dist"}
    assert listed["version"] == trunkline.__version__
    assert "All good!" in run("publint", "--strict", packed, cwd=source)
    assert "import only" in run("attw", "--profile", "esm-only", "--no-emoji", packed, cwd=source)


def test_it_is_installed_alone_and_is_small(installed):
    modules = installed / "node_modules"
    assert [one.name for one in modules.iterdir() if not one.name.startswith(".")] == ["@trunkline"]
    assert [one.name for one in (modules / "@trunkline").iterdir()] == ["client"]
    size = sum(file.stat().st_size for file in (modules / "@trunkline/client").rglob("*") if file.is_file())
    assert size < MOST_BYTES
    print(f"{size=:,}")


@pytest.mark.parametrize("where", ["Node", "a browser"])
def test_each_wrong_call_is_an_error_and_nothing_else(where, installed, tools, tmp_path, run):
    """tsc reports a `@ts-expect-error` above a line without an error."""
    shutil.copytree(installed / "node_modules", tmp_path / "node_modules")
    program = Path(shutil.which("trunkline") or ROOT / ".venv/bin/trunkline")
    database = {"TRUNKLINE_DATABASE__URL": "sqlite:///hub.db"}
    printed = run(program, "export", "typescript", tmp_path, cwd=tmp_path, **database)
    assert printed.endswith("trunkline-hub.ts\n")
    shutil.copy(HERE / "wrong_calls.ts", tmp_path)
    libraries = "ES2023" if where == "Node" else "ES2023,DOM,DOM.AsyncIterable"
    module = ("NodeNext", "NodeNext") if where == "Node" else ("ESNext", "Bundler")
    types = ["--types", "node", "--typeRoots", tools / "@types"] if where == "Node" else []
    options = ["--strict", "--skipDefaultLibCheck", "--noEmit", "--target", "ES2022", "--lib", libraries]
    resolution = ["--module", module[0], "--moduleResolution", module[1]]
    run("tsc", *options, *types, *resolution, "wrong_calls.ts", cwd=tmp_path)
    assert len(re.findall("@ts-expect-error", (HERE / "wrong_calls.ts").read_text())) > 25
