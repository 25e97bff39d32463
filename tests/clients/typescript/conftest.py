"""The package installed by npm, and Node programs that use it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.plugins import npm
from tests.programs import output_of

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
Run = Callable[..., str]


@pytest.fixture(scope="session")
def tools() -> Path:
    """Install the npm packages that build and check the client; give their folder."""
    return npm.install(HERE / "tools") / "node_modules"


@pytest.fixture(scope="session")
def run(tools: Path) -> Run:
    environment = npm.node_environment()
    environment["PATH"] = f"{tools}/.bin{os.pathsep}{environment['PATH']}"

    def run(*command: str | Path, cwd: Path, **added: str) -> str:
        return output_of(*command, cwd=cwd, env=environment | added, timeout=150)

    return run


@pytest.fixture(scope="session")
def source(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package's source, with its development dependencies."""
    copied = tmp_path_factory.mktemp("typescript") / "client"
    shutil.copytree(
        ROOT / "clients/typescript", copied, ignore=shutil.ignore_patterns("dist", "node_modules", "*.tgz")
    )
    (copied / "node_modules").symlink_to(tools)
    return copied


@pytest.fixture(scope="session")
def packed(source: Path, run: Run) -> Path:
    run("npm", "pack", "--silent", cwd=source)
    (file,) = source.glob("*.tgz")
    return file


@pytest.fixture(scope="session")
def installed(packed: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the packed client into an empty folder, without a registry."""
    folder = tmp_path_factory.mktemp("app")
    run("npm", "install", "--offline", "--no-audit", "--no-fund", "--silent", packed, cwd=folder)
    return folder
