"""The built-in channels pass what a stranger's has to."""

import pytest

from trunkline.testing.suites.channel import ChannelConformance


class TestWebhooks(ChannelConformance):
    plugin = "webhooks"
    channel = "webhooks"
    signs = True


@pytest.mark.slow
class TestZapier(ChannelConformance):
    plugin = "zapier"
    channel = "zapier"
    signs = True


@pytest.mark.slow
class TestN8n(ChannelConformance):
    plugin = "n8n"
    channel = "n8n"
    signs = True


@pytest.mark.slow
class TestMake(ChannelConformance):
    plugin = "make"
    channel = "make"
    signs = True


@pytest.mark.slow
class TestPolling(ChannelConformance):
    plugin = "polling"
    channel = "polling"
