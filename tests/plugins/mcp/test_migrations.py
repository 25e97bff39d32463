"""The plugin's own migration history, on both engines."""

import pytest

from trunkline_kit import MigrationsConformance
from trunkline_mcp import call_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # two checks start processes


class TestMigrations(MigrationsConformance):
    plugin = "mcp"
    metadata = call_store.metadata
