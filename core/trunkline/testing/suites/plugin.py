"""PluginConformance: what every plugin owes the hub, whatever it gives."""

from trunkline.testing.suites.plugin_casters import CasterChecks
from trunkline.testing.suites.plugin_hooks import HookChecks
from trunkline.testing.suites.plugin_hubs import HubChecks
from trunkline.testing.suites.plugin_notifications import NotificationChecks
from trunkline.testing.suites.plugin_package import PackageChecks
from trunkline.testing.suites.plugin_pages import PageChecks
from trunkline.testing.suites.plugin_routes import RouteChecks
from trunkline.testing.suites.plugin_secrets import SecretChecks
from trunkline.testing.suites.plugin_settings import SettingChecks
from trunkline.testing.suites.plugin_tokens import TokenChecks
from trunkline.testing.suites.plugin_values import ValueChecks


class PluginConformance(
    PackageChecks,
    HookChecks,
    SettingChecks,
    SecretChecks,
    ValueChecks,
    CasterChecks,
    RouteChecks,
    PageChecks,
    NotificationChecks,
    TokenChecks,
    HubChecks,
):
    """Judges a plugin as a whole. Subclass it, and name the plugin.

    ::

        class TestAcmePlugin(PluginConformance):
            plugin = "acme"
            settings = {"acme.room": "general"}
    """
