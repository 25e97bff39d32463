"""PluginConformance: the checks that every plugin must meet."""

from trunkline_kit.suites.plugin_casters import CasterChecks
from trunkline_kit.suites.plugin_hooks import HookChecks
from trunkline_kit.suites.plugin_hubs import HubChecks
from trunkline_kit.suites.plugin_notifications import NotificationChecks
from trunkline_kit.suites.plugin_package import PackageChecks
from trunkline_kit.suites.plugin_pages import PageChecks
from trunkline_kit.suites.plugin_routes import RouteChecks
from trunkline_kit.suites.plugin_secrets import SecretChecks
from trunkline_kit.suites.plugin_settings import SettingChecks
from trunkline_kit.suites.plugin_tokens import TokenChecks
from trunkline_kit.suites.plugin_values import ValueChecks


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
