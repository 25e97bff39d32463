"""All checks of all suites in one list, from which the reference is generated."""

from trunkline.testing.checks import Check, checks_of
from trunkline.testing.suites.action import ActionConformance
from trunkline.testing.suites.channel import ChannelConformance
from trunkline.testing.suites.migrations import MigrationsConformance
from trunkline.testing.suites.plugin import PluginConformance
from trunkline.testing.suites.search import SearchConformance

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
