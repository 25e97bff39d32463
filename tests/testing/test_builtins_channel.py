"""The built-in channels pass what a stranger's has to."""

import pytest

from trunkline.testing.suites.channel import ChannelConformance

pytestmark = pytest.mark.slow


class TestWebhooks(ChannelConformance):
    plugin = "webhooks"
    channel = "webhooks"
    signs = True


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
