"""The plugin's own migration history, on both engines."""

import pytest

from trunkline_crm.store import tables
from trunkline_kit import MigrationsConformance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # two checks start processes


class TestMigrations(MigrationsConformance):
    plugin = "crm"
    metadata = tables.metadata
