"""The plugin's own migration history, on both engines."""

import pytest

from trunkline.testing import MigrationsConformance
from trunkline_portal import tables

pytestmark = [
    pytest.mark.timeout(300),  # two checks start processes
    pytest.mark.slow,  # the fast run has the suite for the plugin whose history is the longest
]


class TestMigrations(MigrationsConformance):
    plugin = "portal"
    metadata = tables.metadata
