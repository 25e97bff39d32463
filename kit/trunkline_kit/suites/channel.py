"""ChannelConformance: checks of the properties of a channel on which the hub, customers and targets depend."""

from trunkline_kit.suites.channel_apart import ApartChecks
from trunkline_kit.suites.channel_batches import BatchChecks
from trunkline_kit.suites.channel_content import ContentChecks
from trunkline_kit.suites.channel_crashes import CrashChecks
from trunkline_kit.suites.channel_declared import DeclaredChecks
from trunkline_kit.suites.channel_delivery import DeliveryChecks
from trunkline_kit.suites.channel_headers import HeaderChecks
from trunkline_kit.suites.channel_outcomes import OutcomeChecks
from trunkline_kit.suites.channel_routes import RouteChecks
from trunkline_kit.suites.channel_safety import SafetyChecks
from trunkline_kit.suites.channel_time import TimeChecks
from trunkline_kit.suites.channel_traces import TraceChecks


class ChannelConformance(
    ApartChecks,
    ContentChecks,
    DeclaredChecks,
    DeliveryChecks,
    BatchChecks,
    OutcomeChecks,
    HeaderChecks,
    RouteChecks,
    TraceChecks,
    SafetyChecks,
    TimeChecks,
    CrashChecks,
):
    """Judges one channel of a plugin. Subclass it, and name the plugin and the channel.

    ::

        class TestAcmeChannel(ChannelConformance):
            plugin = "acme"
            channel = "acme"
            settings = {"acme.room": "general"}

    For a channel that does not post to a URL, override ``far_side`` (``trunkline.testing.FarSide``).
    """
