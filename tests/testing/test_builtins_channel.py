"""The built-in channels pass what a stranger's has to."""

import pytest
import pytest_asyncio

from trunkline.testing import HttpFarSide
from trunkline.testing.suites.channel import ChannelConformance

pytestmark = pytest.mark.slow


class TestWebhooks(ChannelConformance):
    plugin = "webhooks"
    channel = "webhooks"
    signs = True


class Meek(HttpFarSide):
    """A far side whose transport has no word for a refusal."""

    async def refuse_for_now(self) -> bool:
        return False

    async def refuse_for_good(self) -> bool:
        return False


class TestThroughATransportThatCannotRefuse(ChannelConformance):
    plugin = "webhooks"
    channel = "webhooks"

    @pytest_asyncio.fixture
    async def far_side(self, trunkline_receiver):
        yield Meek(trunkline_receiver)


class TestZapier(ChannelConformance):
    plugin = "zapier"
    channel = "zapier"
    signs = True


class TestN8n(ChannelConformance):
    plugin = "n8n"
    channel = "n8n"
    signs = True


class TestMake(ChannelConformance):
    plugin = "make"
    channel = "make"
    signs = True


class TestPolling(ChannelConformance):
    plugin = "polling"
    channel = "polling"


class TestMcp(ChannelConformance):
    plugin = "mcp"
    channel = "mcp"
    signs = True
    rewrites = True
    rejects = (410, 413)
    gone = ()
