"""The checks of the database at a hub's start."""

import logging

import pytest

from trunkline.hub import preparing
from trunkline.settings import Delivery
from trunkline_kit.databases import SHARDS


@pytest.mark.parametrize(
    ("delivery", "says"), [({"shards": SHARDS + 3}, True), ({"shards": SHARDS}, False), ({}, False)]
)
async def test_a_number_of_shards_that_the_database_does_not_have_is_named_and_changes_nothing(
    database, caplog, delivery, says
):
    with caplog.at_level(logging.WARNING):
        found = await preparing.prepare(
            database, database, [], Delivery(**delivery), migrates=True, dispatches=False
        )
    assert found == SHARDS
    sentence = (
        f"delivery.shards is {SHARDS + 3}, but the log of this database was set up with {SHARDS} shards"
    )
    assert (sentence in caplog.text) == says
