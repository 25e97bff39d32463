"""What the author of a plugin tests with: suites to subclass, and the fixtures that they use.

::

    from trunkline.testing import PluginConformance

    class TestAcme(PluginConformance):
        plugin = "acme"
        settings = {"acme.room": "general"}

Names are loaded when they are first used: ``import trunkline`` needs no pytest, nor does the demo's receiver.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.errors import PluginFailed, SettingsInvalid
    from trunkline.testing.catalogue import list_checks
    from trunkline.testing.checks import (
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
    from trunkline.testing.clocks import MovableClock
    from trunkline.testing.databases import PostgresServer
    from trunkline.testing.events import EventFactory
    from trunkline.testing.far_sides import LONGEST_WAIT_SECONDS, Arrival, FarSide, HttpFarSide, Traffic
    from trunkline.testing.hubs import MakeTestHub, TestHub
    from trunkline.testing.receiver import Receiver
    from trunkline.testing.relay import Relay, RelayedFarSide
    from trunkline.testing.sources import PluginSource, Source
    from trunkline.testing.suites.action import ActionConformance
    from trunkline.testing.suites.call_requests import Request
    from trunkline.testing.suites.channel import ChannelConformance
    from trunkline.testing.suites.migrations import MigrationsConformance
    from trunkline.testing.suites.plugin import PluginConformance
    from trunkline.testing.suites.search import SearchConformance
    from trunkline.testing.suites.suite import Suite

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
    "trunkline.errors": ("PluginFailed", "SettingsInvalid"),
    "trunkline.testing.databases": ("PostgresServer",),
    "trunkline.testing.catalogue": ("list_checks",),
    "trunkline.testing.checks": (
        "COMPLETE",
        "DELIVERS",
        "LOADS",
        "Check",
        "CheckFailed",
        "Level",
        "check",
        "demand",
        "not_applicable",
        "not_judged",
    ),
    "trunkline.testing.clocks": ("MovableClock",),
    "trunkline.testing.events": ("EventFactory",),
    "trunkline.testing.far_sides": ("LONGEST_WAIT_SECONDS", "Arrival", "FarSide", "HttpFarSide", "Traffic"),
    "trunkline.testing.hubs": ("MakeTestHub", "TestHub"),
    "trunkline.testing.receiver": ("Receiver",),
    "trunkline.testing.relay": ("Relay", "RelayedFarSide"),
    "trunkline.testing.sources": ("PluginSource", "Source"),
    "trunkline.testing.suites.action": ("ActionConformance",),
    "trunkline.testing.suites.call_requests": ("Request",),
    "trunkline.testing.suites.channel": ("ChannelConformance",),
    "trunkline.testing.suites.migrations": ("MigrationsConformance",),
    "trunkline.testing.suites.plugin": ("PluginConformance",),
    "trunkline.testing.suites.search": ("SearchConformance",),
    "trunkline.testing.suites.suite": ("Suite",),
}
"""The module of each name."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker that reads it takes any name for one of these

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            msg = f"module 'trunkline.testing' has no attribute '{name}'"
            raise AttributeError(msg)
        return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
