"""Checks of a plugin in several hubs of one process, and of its output on the terminal."""

import contextlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
from pydantic import SecretStr

from trunkline.errors import TrunklineError
from trunkline_kit.checks import COMPLETE, check, demand
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.suite import Suite

_PLAIN = (str, bytes, int, float, bool, tuple, frozenset, type(None))
_CONTAINERS = (dict, list, set)


class HubChecks(Suite):
    """Checks that one hub leaves nothing behind for the next, and that a plugin writes nothing to the terminal."""

    @check("plugin.keeps-hubs-apart", level=COMPLETE)
    async def test_keeps_hubs_apart(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """A second hub in the same process, with other settings, changes nothing in the plugin's modules."""
        module = trunkline_plugin.module
        hub = await self.start(trunkline_hub, dispatch=False)
        before = _state_of(module)
        others = _other_settings(trunkline_plugin, dict(self.settings))
        await self.start(trunkline_hub, settings=others, dispatch=False)
        states = _state_of(module).items()
        changed = sorted(name for name, state in states if before.get(name, state) != state)
        demand(
            not changed,
            f"the module's '{changed[0] if changed else ''}' is another one once a second hub has started: the first hub would go on "
            "with what is the second's; keep it in the context (context.settings, context.shared)",
        )
        await hub.stop()

    @check("plugin.prints-nothing", level=COMPLETE)
    async def test_prints_nothing(
        self, trunkline_hub: MakeTestHub, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """From start to stop, with an event of every type, the plugin writes nothing to the terminal."""
        capfd.readouterr()
        hub = await self.start(trunkline_hub)
        for name in hub.events.types:
            await hub.emit(name)
        await hub.stop()
        printed = "".join(capfd.readouterr())
        demand(
            not printed,
            f"'{self.name}' printed '{printed[:60].strip()}'; what a hub has to say goes through context.log",
        )


def _state_of(module: ModuleType) -> Mapping[str, Any]:
    """Return the comparable state of each global of *module*: its value, a container's contents, or its identity."""
    return {
        name: _comparable(value)
        for name, value in vars(module).items()
        if not name.startswith("__") and not isinstance(value, ModuleType)
    }


def _comparable(value: object) -> object:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        return [(repr(key), id(inside)) for key, inside in value.items()]
    if isinstance(value, _CONTAINERS):
        return [id(inside) for inside in value]
    return id(value)


def _other_settings(plugin: InspectedPlugin, given: dict[str, str]) -> Mapping[str, str]:
    """Return settings that differ from *given*, as far as the plugin's model accepts other values."""
    settings = plugin.contributions.settings
    for name in type(settings).model_fields if settings is not None else ():
        value = getattr(settings, name)
        shown = value.get_secret_value() if isinstance(value, SecretStr) else value
        other = (
            f"{shown}x" if isinstance(shown, str) else str(shown + 1) if type(shown) in {int, float} else ""
        )
        changed = {**given, f"{plugin.name}.{name}": other}
        if other:
            with contextlib.suppress(TrunklineError):
                plugin.build(changed)
                given = changed
    return given
