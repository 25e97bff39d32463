"""The plugin's own migration history, on both engines."""

import pytest

from trunkline.testing import MigrationsConformance
from trunkline_crm.store import tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # two checks start processes


class TestMigrations(MigrationsConformance):
    plugin = "crm"
    metadata = tables.metadata
