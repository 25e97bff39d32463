"""MCP Events behind a product's own MCP server, by the TypeScript client and the official server's package."""

import shutil
from pathlib import Path

import pytest
from tests.plugins import npm
from tests.plugins.conftest import served_hub  # noqa: F401 - a fixture
from tests.plugins.mcp import product_server

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_sample_server_gives_three_clients_the_events_of_their_company(
    served_hub,  # noqa: F811
    installed,
    tmp_path,
):
    packages = npm.install(ROOT / "tests/plugins/mcp/node")
    shutil.copy(ROOT / "tests/plugins/mcp/node/events.mjs", packages)
    shutil.copy(ROOT / "docs/examples/agents/product_mcp.mjs", tmp_path)
    for folder in (packages / "node_modules/@modelcontextprotocol", installed / "node_modules/@trunkline"):
        (tmp_path / "node_modules").mkdir(exist_ok=True)
        (tmp_path / "node_modules" / folder.name).symlink_to(folder)
    async with product_server.started(
        ("node", "product_mcp.mjs"), hub=served_hub, folder=tmp_path, environment=npm.node_environment()
    ) as url:
        await product_server.check(url, served_hub, packages)
