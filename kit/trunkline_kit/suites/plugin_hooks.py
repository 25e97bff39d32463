"""Checks of a plugin's ``register_*`` hooks, and of the start of a hub with the plugin."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from trunkline.contract import Routes
from trunkline_kit.checks import COMPLETE, LOADS, check, demand, not_applicable
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.inspected import REGISTER_HOOKS, InspectedPlugin
from trunkline_kit.reporting import CONTRIBUTED
from trunkline_kit.routes import list_routes
from trunkline_kit.suites.suite import Suite, built_ins

HOOK_SECONDS = 1.0


class HookChecks(Suite):
    """The ``register_*`` hooks, and the start of a hub with the plugin."""

    @check("plugin.implements-its-hooks", level=LOADS)
    def test_implements_its_hooks(self, trunkline_plugin: InspectedPlugin) -> None:
        """Every hook that the plugin implements exists, takes only arguments that the hub gives, and returns the right type."""
        records = trunkline_plugin.hub.registry.records
        record = next(record for record in records if record.name == trunkline_plugin.name)
        demand(record.state == "active", f"'{trunkline_plugin.name}' is {record.state}: {record.error}")

    @check("plugin.runs-alone", level=LOADS)
    async def test_runs_alone(self, trunkline_hub: MakeTestHub, request: pytest.FixtureRequest) -> None:
        """A hub starts with this plugin and no other, and stays ready."""
        hub = await self.start(trunkline_hub)
        state = (await hub.hub.readiness())["plugins"]
        demand(state == "ok", f"a hub with '{self.name}' alone is not ready: plugins {state}")
        inspected: InspectedPlugin = request.getfixturevalue("trunkline_plugin")
        request.node.stash[CONTRIBUTED] = inspected.contributed()

    @check("plugin.runs-beside-the-built-ins", level=LOADS)
    async def test_runs_beside_the_built_ins(self, trunkline_hub: MakeTestHub) -> None:
        """A hub starts with this plugin and all plugins that come with trunkline, and every one of them runs."""
        others = [name for name in built_ins() if name not in self.replaces]
        hub = await self.start(trunkline_hub, beside=others)
        failed = [record for record in hub.hub.registry.records if record.state == "failed"]
        demand(not failed, f"beside '{self.name}' a plugin fails: {failed[0].error if failed else ''}")

    @check("plugin.hooks-do-no-io", level=COMPLETE)
    def test_hooks_do_no_io(self, trunkline_plugin: InspectedPlugin) -> None:
        """The register hooks use no network, no database and no process, and write no file."""
        for hook in _registering(trunkline_plugin):
            with trunkline_plugin.watch.watching(every_thread=False) as effects:
                trunkline_plugin.call(hook)
            faults = ", ".join(str(effect) for effect in effects if effect.kind != "read")
            demand(not faults, f"{hook} does {faults}; do that in lifespan or when it is needed")

    @check("plugin.hooks-are-quick", level=COMPLETE)
    def test_hooks_are_quick(self, trunkline_plugin: InspectedPlugin) -> None:
        """Each register hook returns within one second of CPU time."""
        for hook in _registering(trunkline_plugin):
            began, wall = time.process_time(), time.monotonic()
            trunkline_plugin.call(hook)
            worked, waited = time.process_time() - began, time.monotonic() - wall
            demand(
                worked < HOOK_SECONDS and waited < 10 * HOOK_SECONDS,
                f"{hook} takes {max(worked, waited):.1f} s, and the hub starts only after it; prepare less, or later",
            )

    @check("plugin.hooks-answer-the-same-twice", level=COMPLETE)
    def test_hooks_answer_the_same_twice(self, trunkline_plugin: InspectedPlugin) -> None:
        """A register hook that is called again returns equal values, because a process may build several hubs."""
        for hook in _registering(trunkline_plugin):
            first, second = shape(trunkline_plugin.call(hook)), shape(trunkline_plugin.call(hook))
            demand(
                first == second,
                f"{hook} gives something else when it is asked again: {_difference(first, second)}",
            )

    @check("plugin.hooks-share-nothing", level=COMPLETE)
    def test_hooks_share_nothing(self, trunkline_plugin: InspectedPlugin) -> None:
        """If a caller changes the result of a register hook, the next caller does not see the change."""
        for hook in _registering(trunkline_plugin):
            values = trunkline_plugin.call(hook)
            before = shape(values)
            if isinstance(values, list):
                values.clear()
            demand(
                shape(trunkline_plugin.call(hook)) == before,
                f"{hook} returns a list that it keeps, and gives the emptied one again; make a new one each time",
            )

    @check("plugin.values-are-frozen", level=COMPLETE)
    def test_values_are_frozen(self, trunkline_plugin: InspectedPlugin) -> None:
        """Each value that a register hook returns has one of trunkline's frozen types, not a mutable subclass."""
        for hook in _registering(trunkline_plugin):
            values: Any = trunkline_plugin.call(hook)
            for value in values if isinstance(values, list | tuple) else ():
                demand(
                    type(value).__module__.startswith("trunkline.") and not hasattr(value, "__dict__"),
                    f"{hook} gives a {type(value).__name__} of its own, which can be altered; give trunkline's own value",
                )

    @check("plugin.names-are-its-own", level=COMPLETE)
    def test_names_are_its_own(self, trunkline_plugin: InspectedPlugin) -> None:
        """The names of channels, connectors and event types contain the plugin's name, so that plugins do not clash."""
        contributions = trunkline_plugin.contributions
        named = [
            *(("channel", value.name) for value in contributions.channels),
            *(("connector", value.name) for value in contributions.connectors),
            *(("event type", value.name) for value in contributions.event_types),
        ]
        if not named:
            not_applicable("it gives nothing that has a name of its own")
        for kind, name in named:
            plain = name.replace("-", "_").replace(".", "_")
            demand(
                plain == trunkline_plugin.name or plain.startswith(f"{trunkline_plugin.name}_"),
                f"the {kind} '{name}' does not begin with the plugin's name; call it '{trunkline_plugin.name}…'",
            )


def shape(value: object) -> object:  # noqa: PLR0911 - a line a kind
    """Reduce *value* to comparable data: functions to their names, routers to their calls."""
    match value:
        case Routes():
            return [str(route) for route in list_routes([value])]
        case type() if issubclass(value, BaseModel):
            return value.model_json_schema()
        case list() | tuple():
            return [shape(item) for item in value]
        case Mapping():
            return {str(name): shape(item) for name, item in value.items()}
        case APIRouter():
            return "APIRouter"
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {item.name: shape(getattr(value, item.name)) for item in dataclasses.fields(value)}
        case Callable():
            return getattr(value, "__qualname__", type(value).__qualname__)
        case _:
            return value


def _registering(plugin: InspectedPlugin) -> list[str]:
    hooks = [hook for hook in plugin.hooks if hook in REGISTER_HOOKS]
    return hooks or not_applicable("it registers nothing")


def _difference(first: object, second: object) -> str:
    """Describe the first difference between two shapes; empty if they are equal."""
    if first == second:
        return ""
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = ((before, after) for before, after in zip(first, second, strict=True) if before != after)
        before, after = next(pairs)
        return _difference(before, after)
    if isinstance(first, dict) and isinstance(second, dict):
        name = next(name for name in (*first, *second) if first.get(name) != second.get(name))
        return f"{name} is {first.get(name)!r:.80}, then {second.get(name)!r:.80}"
    return f"{first!r:.80}, then {second!r:.80}"
