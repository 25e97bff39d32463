"""The tools for testing a plugin: suites to subclass, and the fixtures that they use.

Import them from ``trunkline.testing``, a name that stays the same if a module moves::

    from trunkline.testing import PluginConformance

    class TestAcme(PluginConformance):
        plugin = "acme"
        settings = {"acme.room": "general"}

A name is loaded at its first use, so that the demo's receiver needs no pytest.
"""

from typing import TYPE_CHECKING

from trunkline.lazy_names import load, read_homes

if TYPE_CHECKING:
    from trunkline.errors import PluginFailed, SettingsInvalid
    from trunkline_kit.catalogue import list_checks
    from trunkline_kit.checks import (
        COMPLETE,
        DELIVERS,
        LOADS,
        Check,
        CheckFailed,
        Level,
        check,
        demand,
        not_applicable,
        not_judged,
    )
    from trunkline_kit.clocks import MovableClock
    from trunkline_kit.databases import PostgresServer
    from trunkline_kit.events import EventFactory
    from trunkline_kit.far_sides import LONGEST_WAIT_SECONDS, Arrival, FarSide, HttpFarSide, Traffic
    from trunkline_kit.hubs import MakeTestHub, TestHub
    from trunkline_kit.receiver import Receiver
    from trunkline_kit.relay import Relay, RelayedFarSide
    from trunkline_kit.sources import PluginSource, Source
    from trunkline_kit.suites.action import ActionConformance
    from trunkline_kit.suites.call_requests import Request
    from trunkline_kit.suites.channel import ChannelConformance
    from trunkline_kit.suites.migrations import MigrationsConformance
    from trunkline_kit.suites.plugin import PluginConformance
    from trunkline_kit.suites.search import SearchConformance
    from trunkline_kit.suites.suite import Suite

__all__ = [
    "COMPLETE",
    "DELIVERS",
    "LOADS",
    "LONGEST_WAIT_SECONDS",
    "ActionConformance",
    "Arrival",
    "ChannelConformance",
    "Check",
    "CheckFailed",
    "EventFactory",
    "FarSide",
    "HttpFarSide",
    "Level",
    "MakeTestHub",
    "MigrationsConformance",
    "MovableClock",
    "PluginConformance",
    "PluginFailed",
    "PluginSource",
    "PostgresServer",
    "Receiver",
    "Relay",
    "RelayedFarSide",
    "Request",
    "SearchConformance",
    "SettingsInvalid",
    "Source",
    "Suite",
    "TestHub",
    "Traffic",
    "check",
    "demand",
    "list_checks",
    "not_applicable",
    "not_judged",
]

_HOMES = {
    "trunkline.errors": "PluginFailed SettingsInvalid",
    "trunkline_kit.catalogue": "list_checks",
    "trunkline_kit.checks": (
        "COMPLETE DELIVERS LOADS Check CheckFailed Level check demand not_applicable not_judged"
    ),
    "trunkline_kit.clocks": "MovableClock",
    "trunkline_kit.databases": "PostgresServer",
    "trunkline_kit.events": "EventFactory",
    "trunkline_kit.far_sides": "LONGEST_WAIT_SECONDS Arrival FarSide HttpFarSide Traffic",
    "trunkline_kit.hubs": "MakeTestHub TestHub",
    "trunkline_kit.receiver": "Receiver",
    "trunkline_kit.relay": "Relay RelayedFarSide",
    "trunkline_kit.sources": "PluginSource Source",
    "trunkline_kit.suites.action": "ActionConformance",
    "trunkline_kit.suites.call_requests": "Request",
    "trunkline_kit.suites.channel": "ChannelConformance",
    "trunkline_kit.suites.migrations": "MigrationsConformance",
    "trunkline_kit.suites.plugin": "PluginConformance",
    "trunkline_kit.suites.search": "SearchConformance",
    "trunkline_kit.suites.suite": "Suite",
}
_HOME_OF = read_homes(_HOMES)


if not TYPE_CHECKING:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> object:
        return load(name, of="trunkline_kit", homes=_HOME_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
