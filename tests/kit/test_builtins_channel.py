"""The built-in channels pass the checks for third-party channels.

If two channels deliver by the same function, one of them passes all checks, and the other one the checks in which they
can differ (``differing``).
"""

from collections.abc import Callable, Collection

import pytest
import pytest_asyncio

from trunkline_kit import HttpFarSide
from trunkline_kit.checks import ATTRIBUTE
from trunkline_kit.suites.channel import ChannelConformance

pytestmark = pytest.mark.slow

OF_ITS_PLATFORM = {
    "channel.is-described",
    "channel.has-a-name-of-its-own",
    "channel.delivers-an-event",
    "channel.delivers-on-postgresql",
    "channel.makes-test-calls",
    "channel.keeps-companies-apart",
    "channel.is-held-while-disabled",
    "channel.lets-other-channels-go-on",
    "channel.subscribes-by-its-own-route",
    "channel.refuses-impossible-targets",
}
"""The checks for Make and n8n: naming, subscribing and isolation. They deliver by the same function as Zapier."""
OF_REFUSALS = {
    "channel.delivers-an-event",
    "channel.meets-a-failure",
    "channel.retries-when-refused-for-now",
    "channel.stops-when-refused-for-good",
    "channel.loses-nothing-in-a-restart",
    "channel.tells-no-secret-in-errors",
    "channel.logs-no-secret",
    "channel.prints-nothing",
    "channel.logs-no-event",
    "channel.raises-no-secret",
}
"""The checks that ask the far side to refuse."""


def differing(names: Collection[str]) -> Callable[[type], type]:
    """Remove all checks from a suite except *names*."""

    def reduce(suite: type) -> type:
        methods = {
            getattr(getattr(suite, name), ATTRIBUTE).name: name
            for name in dir(suite)
            if hasattr(getattr(suite, name), ATTRIBUTE)
        }
        assert set(names) <= methods.keys(), set(names) - methods.keys()
        for check, name in methods.items():
            if check not in names:
                setattr(suite, name, None)
        return suite

    return reduce


class TestWebhooks(ChannelConformance):
    plugin = "webhooks"
    channel = "webhooks"
    signs = True


class Meek(HttpFarSide):
    """A far side whose transport cannot refuse."""

    async def refuse_for_now(self) -> bool:
        return False

    async def refuse_for_good(self) -> bool:
        return False


@differing(OF_REFUSALS)
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


@differing(OF_ITS_PLATFORM)
class TestN8n(ChannelConformance):
    plugin = "n8n"
    channel = "n8n"
    signs = True


@differing(OF_ITS_PLATFORM)
class TestMake(ChannelConformance):
    plugin = "make"
    channel = "make"
    signs = True


class Room(HttpFarSide):
    """A chat room that answers 400 to a message that it will never accept."""

    @property
    def target(self) -> dict[str, str]:
        return {"room": "#kit", "url": self.url}

    async def another(self) -> "Room":
        return Room(self.receiver, rejects=(400,))


@differing(
    OF_ITS_PLATFORM
    | {
        "channel.retries-when-refused-for-now",
        "channel.stops-when-refused-for-good",
        "channel.loses-nothing-in-a-restart",
        "channel.tells-no-secret-in-errors",
        "channel.logs-no-secret",
        "channel.raises-no-secret",
    }
)
class TestAlertsInAChatRoom(ChannelConformance):
    plugin = "alerts"
    channel = "alerts_chat"
    rewrites = True
    rejects = (400,)

    @pytest_asyncio.fixture
    async def far_side(self, trunkline_receiver):
        yield Room(trunkline_receiver, rejects=(400,))


class TestPolling(ChannelConformance):
    plugin = "polling"
    channel = "polling"


class TestMcp(ChannelConformance):
    plugin = "mcp"
    channel = "mcp"
    signs = True
    signs_by = ("standard",)  # as MCP Events prescribes
    rewrites = True
    rejects = (410, 413)
    gone = ()
