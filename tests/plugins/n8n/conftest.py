"""Packages made from products, and built by n8n's official tool."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.plugins.n8n.installation import install_tools
from tests.plugins.npm import node_environment
from tests.programs import output_of


def build(folder: Path) -> Path:
    run_tool(folder, "n8n-node", "build")
    return folder


def run_tool(folder: Path, *command: str) -> str:
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(install_tools())
    program = modules / ".bin" / command[0]
    environment = node_environment() | {"npm_config_user_agent": "npm"}
    return output_of(program, *command[1:], cwd=folder, env=environment, timeout=300)


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def n8n_tools() -> Any:
    """Give the functions by which packages are written, built and checked."""
    return SimpleNamespace(build=build, run=run_tool, write=write)
