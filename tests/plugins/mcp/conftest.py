"""An agent of the hub's company, which speaks the newest form of the protocol."""

import pytest
from tests.plugins.mcp.conversation import Conversation


@pytest.fixture
def agent(api) -> Conversation:
    return Conversation(api.client)
