"""The values of the plugin kernel: candidates, the state of each plugin, and its contributions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from trunkline.contract import Channel, Command, Connector, Migrations, Operation, PluginContext, PortalPage
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Kind
from trunkline.schemas.versions import Caster

if TYPE_CHECKING:
    from trunkline.contract import Routes  # loads the web framework

State = Literal["active", "disabled", "failed"]


class Candidate(Struct, frozen=True):
    """A plugin as declared in the metadata of its distribution. It has not been imported.

    *requires* is the range of ``trunkline`` that the distribution depends on (PEP 440): None if the distribution does
    not depend on ``trunkline``, empty if the dependency has no range. *product* is the entry point of the schemas that
    the plugin serves; None if it serves any product.
    """

    name: str
    module: str
    distribution: str
    version: str
    requires: str | None
    product: str | None = None
    is_local: bool = False
    """Whether the plugin is a file or a package of the deployment (``plugins.paths``); such a plugin has no version range."""

    @property
    def is_own(self) -> bool:
        """Whether the plugin comes with trunkline."""
        return canonicalize_name(self.distribution) == "trunkline"


class PluginRecord(Struct, frozen=True):
    """The state of a plugin; *error* is one sentence, set if the plugin failed or lacks a package.

    *module* and *requires* are as declared by the plugin's distribution. *deprecations* are sentences about deprecated
    hooks that the plugin uses.
    """

    name: str
    version: str
    distribution: str
    state: State
    error: str | None = None
    module: str | None = None
    requires: str | None = None
    deprecations: tuple[str, ...] = ()


class Contributions(Struct, frozen=True):
    """All contributions of one plugin, and its context; *routes* are None until the plugin was asked for them."""

    settings: BaseModel | None = None
    event_types: tuple[EventType, ...] = ()
    migrations: tuple[Migrations, ...] = ()
    connectors: tuple[Connector, ...] = ()
    casters: tuple[Caster, ...] = ()
    commands: tuple[Command, ...] = ()
    context: PluginContext | None = None
    channels: tuple[Channel, ...] = ()
    providers: Mapping[Kind, tuple[Operation, ...]] = field(default_factory=dict[Kind, tuple[Operation, ...]])
    pages: tuple[PortalPage, ...] = ()
    routes: "tuple[Routes, ...] | None" = None


class Collected(Struct, frozen=True):
    """The contributions of the active plugins, by plugin name. In each pair the first item is the plugin's name.

    *channels* and *connectors* map names, *providers* map operations (kind and name), to such pairs.
    """

    event_types: tuple[EventType, ...]
    migrations: tuple[tuple[str, Migrations], ...]
    connectors: Mapping[str, tuple[str, Connector]]
    casters: tuple[tuple[str, Caster], ...]
    channels: Mapping[str, tuple[str, Channel]]
    providers: Mapping[tuple[Kind, str], tuple[str, Operation]]
    pages: tuple[tuple[str, PortalPage], ...]
    routes: "tuple[tuple[str, Routes], ...]"
