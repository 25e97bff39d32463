"""n8n and its tools from npm."""

from pathlib import Path

from tests.plugins import npm

HERE = Path(__file__).parent


def install_tools() -> Path:
    """Install the tools that build and check a package; return their ``node_modules``."""
    return npm.install(HERE / "tools", flags=()) / "node_modules"


def install_server() -> Path:
    """Install n8n with the one native module that it needs; return its ``node_modules``.

    The module, sqlite3, is compiled, which takes a C++ compiler and half a minute.
    """
    return npm.install(HERE / "server", command="ci", then=["rebuild", "sqlite3"]) / "node_modules"
