"""All checks of all suites in one list, from which the reference is generated."""

from trunkline_kit.checks import Check, checks_of
from trunkline_kit.suites.action import ActionConformance
from trunkline_kit.suites.channel import ChannelConformance
from trunkline_kit.suites.migrations import MigrationsConformance
from trunkline_kit.suites.plugin import PluginConformance
from trunkline_kit.suites.search import SearchConformance

SUITES: tuple[type, ...] = (
    PluginConformance,
    ChannelConformance,
    ActionConformance,
    SearchConformance,
    MigrationsConformance,
)
"""Every suite, in the order in which an author meets them."""


def list_checks() -> list[Check]:
    """List every check of every suite."""
    return [check for suite in SUITES for check in checks_of(suite)]
