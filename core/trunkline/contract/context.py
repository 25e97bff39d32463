"""The context of a plugin: everything that it may use."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Self, cast

from pydantic import BaseModel
from typing_extensions import TypeVar

from trunkline.contract.channels import HttpClient, HttpFor, Network, OpenOrigin
from trunkline.contract.companies import Companies
from trunkline.contract.delivering import DeliveryLog, Replays, Subscriptions
from trunkline.contract.figures import Activity
from trunkline.contract.hub import (
    ApiKeys,
    CallLimits,
    ClientAddresses,
    Clock,
    Deployment,
    Journal,
    PluginDatabase,
    PluginMetrics,
    Sealer,
)
from trunkline.contract.pages import PortalPage
from trunkline.contract.providers import Operations
from trunkline.contract.quarantine import Quarantine
from trunkline.contract.stream import Consumers, Digests, Emit, EventReader

Made = TypeVar("Made")
Settings = TypeVar("Settings", bound=BaseModel | None, default=BaseModel | None, covariant=True)  # noqa: PLC0105 - its name is in the reference
"""The model of the plugin's settings; it may be left out for a plugin that does not use settings."""


@dataclass(frozen=True, slots=True)
class PluginContext(Generic[Settings]):
    """The objects that a plugin may use. *settings* is an instance of the model that the plugin registered, or None.

    To give ``context.settings`` the type of that model, annotate the parameter of a hook as ``PluginContext[Model]``.
    """

    name: str
    settings: Settings
    http: HttpClient
    network: Network
    http_for: HttpFor
    """Returns the guarded HTTP client of a company.

    Its connections and name lookups are not shared with other companies.
    """
    events: EventReader
    subscriptions: Subscriptions
    deliveries: DeliveryLog
    replays: Replays
    consumers: Consumers
    digests: Digests
    operations: Operations
    database: PluginDatabase
    open_origin: OpenOrigin
    keys: ApiKeys
    companies: Companies
    limits: CallLimits
    client_addresses: ClientAddresses
    activity: Activity
    journal: Journal
    quarantine: Quarantine
    deployment: Deployment
    sealer: Sealer
    metrics: PluginMetrics
    pages: Callable[[], Sequence[tuple[str, PortalPage]]]
    """The portal pages of the running plugins, each with its plugin's name."""
    emit: Emit
    clock: Clock
    log: logging.Logger
    _shared: dict[Callable[[Any], object], object] = field(
        default_factory=dict[Callable[[Any], object], object], init=False, repr=False, compare=False
    )

    def shared(self, make: Callable[[Self], Made]) -> Made:
        """Call *make*, a function or class of the plugin, with this context, and return the result; later calls return it again.

        Hooks use this method to share an object that lives as long as the hub, such as the connection to a broker:
        ``register_channels`` gives the object's ``deliver`` to the channel, and ``lifespan`` opens and closes the object. Two
        hubs in one process have separate objects.
        """
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("Made", self._shared[make])
