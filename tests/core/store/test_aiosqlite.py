"""The SQLite driver uses internals of aiosqlite, so it is tested with the oldest and the newest allowed version."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests/core/store/test_sqlite.py"


def _allowed() -> Requirement:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [requirement] = [r for r in map(Requirement, project["dependencies"]) if r.name == "aiosqlite"]
    return requirement


def _oldest() -> Requirement:
    [bound] = [specifier.version for specifier in _allowed().specifier if specifier.operator == ">="]
    return Requirement(f"aiosqlite=={bound}")


def test_a_release_with_other_inner_parts_is_not_allowed():
    allowed = _allowed().specifier
    assert not allowed.contains("0.22.0"), "its thread is ended in another way"
    assert not allowed.contains("0.23.0"), "nobody has tested the driver with it"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("requirement", [_oldest(), _allowed()], ids=["oldest", "newest"])
def test_the_drivers_tests_pass_with_that_version(requirement, tmp_path):
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, str(requirement))
    path = {"PYTHONPATH": str(tmp_path)}
    version = "import aiosqlite; print(aiosqlite.__file__, aiosqlite.__version__)"
    file, installed = _run("-c", version, **path).split()
    assert Path(file).is_relative_to(tmp_path)
    assert requirement.specifier.contains(installed)
    _run("-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS, **path)


def _run(*arguments: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
