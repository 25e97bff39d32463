"""Pushes to real servers that close connections when they are idle or reload: nothing is lost, and no accepted push fails."""

import pytest
from tests.real_servers.driving import drive
from tests.real_servers.servers import SERVERS


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_that_closes_idle_connections_and_reloads_gets_each_event_as_often_as_its_attempt_says(
    name, tmp_path_factory
):
    server = SERVERS[name]
    if not server.is_here:
        pytest.skip(f"there is no {name} here: Debian's package '{name}', or 'make long', brings it")
    outcomes = await drive(server, tmp_path_factory.mktemp("server"), bursts=6)
    assert not outcomes.failed
    assert not outcomes.lost
    assert not outcomes.repeated
    assert len(outcomes.results) > outcomes.connections > 0, "no connection was used twice"
