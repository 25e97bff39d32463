"""The checks of the database at a hub's start."""

import logging

import pytest

from trunkline import plugins
from trunkline.hub import preparing
from trunkline.settings import Delivery, Plugins, Settings
from trunkline_kit.databases import SHARDS


@pytest.mark.parametrize(
    ("delivery", "says"), [({"shards": SHARDS + 3}, True), ({"shards": SHARDS}, False), ({}, False)]
)
async def test_a_number_of_shards_that_the_database_does_not_have_is_named_and_changes_nothing(
    database, caplog, delivery, says
):
    chosen, registry = Delivery(**delivery), plugins.load(Settings(plugins=Plugins(enabled=())))
    with caplog.at_level(logging.WARNING):
        found = await preparing.prepare(
            database, database, registry, chosen, histories=list, migrates=True, dispatches=False
        )
    assert found == SHARDS
    set_up = f"but the log of this database was set up with {SHARDS} shards"
    assert (f"delivery.shards is {SHARDS + 3}, {set_up}" in caplog.text) == says
