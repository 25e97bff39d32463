"""The values of the plugin kernel: what was found, what became of it, and what it gave."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from trunkline.capabilities import Channel, Migrations, PluginContext, Routes
from trunkline.schemas import EventType

State = Literal["active", "disabled", "failed"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin as its distribution's metadata declares it; nothing of it has been imported.

    *requires* is the range of ``trunkline`` that the distribution depends on (PEP 440), None where it has no such
    dependency, and an empty string where the dependency has no range.
    """

    name: str
    module: str
    distribution: str
    version: str
    requires: str | None


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """What became of a plugin; *error* is one sentence where it failed."""

    name: str
    version: str
    distribution: str
    state: State
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """Everything that one plugin gave, and the context that it got."""

    settings: BaseModel | None = None
    event_types: tuple[EventType, ...] = ()
    migrations: tuple[Migrations, ...] = ()
    context: PluginContext | None = None
    channels: tuple[Channel, ...] = ()
    routes: tuple[Routes, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """What the active plugins gave, in the order of their names; the first of each pair is the plugin.

    *channels* is by channel name. *settings* has every active plugin, with None where it has no model.
    """

    event_types: tuple[EventType, ...]
    migrations: tuple[tuple[str, Migrations], ...]
    settings: Mapping[str, BaseModel | None]
    channels: Mapping[str, tuple[str, Channel]]
    routes: tuple[tuple[str, Routes], ...]
