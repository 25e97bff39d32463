"""A long log is migrated while events are accepted: accepting never stops for more than a second."""

import pytest
from tests.reliability import later, migrating

from trunkline.store import migrate
from trunkline.store.engines import EngineDatabase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

EVENTS = 100_000


async def test_accepting_stands_for_less_than_a_second_while_a_long_log_is_migrated(empty_database_url):
    async with EngineDatabase(empty_database_url) as database:
        await migrating.fill(database, EVENTS)
        measured = await migrating.measure(database)
        _, added = await migrate.states(database, [later.HISTORY])
    assert added.current == added.newest
    assert measured.stood_seconds < 1, measured
    print(measured)
