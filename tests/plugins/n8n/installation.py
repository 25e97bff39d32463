"""n8n and its tools from npm."""

from pathlib import Path

from tests.plugins import npm

HERE = Path(__file__).parent


def install_tools() -> Path:
    """Install what builds and judges a package; gives its ``node_modules``."""
    return npm.install(HERE / "tools", flags=()) / "node_modules"


def install_server() -> Path:
    """Install n8n with the one native module that it cannot do without; gives its ``node_modules``.

    The module, sqlite3, is compiled, which takes a C++ compiler and half a minute.
    """
    return npm.install(HERE / "server", command="ci", then=["rebuild", "sqlite3"]) / "node_modules"
