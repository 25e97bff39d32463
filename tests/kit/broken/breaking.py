"""Broken plugins: for each check a function that builds a good plugin with one defect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from trunkline_kit import PluginSource

ATTRIBUTE = "breaks"


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin with a defect, and what its suite says of it (``settings``, ``metadata``, ``channel`` …)."""

    plugin: PluginSource
    attributes: Mapping[str, Any] = field(default_factory=dict)


Build = Callable[[], PluginSource | Broken]


def breaks(*checks: str) -> Callable[[Build], Build]:
    """Say which checks must catch the plugin that a function builds."""

    def mark(build: Build) -> Build:
        setattr(build, ATTRIBUTE, checks)
        return build

    return mark


def broken_in(*modules: ModuleType) -> list[tuple[str, Build]]:
    """List the functions of *modules* that build broken plugins, once for each check that must catch them."""
    return [
        (check, build)
        for module in modules
        for build in vars(module).values()
        for check in getattr(build, ATTRIBUTE, ())
        if callable(build)
    ]


def built(build: Build) -> Broken:
    """Build the plugin."""
    made = build()
    return made if isinstance(made, Broken) else Broken(made)
