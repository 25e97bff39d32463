"""All that a plugin may touch."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Self, cast

from pydantic import BaseModel
from typing_extensions import TypeVar

from trunkline.contract.channels import HttpClient, HttpFor, OpenOrigin
from trunkline.contract.companies import Companies
from trunkline.contract.delivering import DeliveryLog, Replays, Subscriptions
from trunkline.contract.figures import Activity
from trunkline.contract.hub import (
    ApiKeys,
    CallLimits,
    ClientAddresses,
    Clock,
    Deployment,
    PluginDatabase,
    Sealer,
)
from trunkline.contract.measuring import PluginMetrics
from trunkline.contract.network import Network
from trunkline.contract.pages import PortalPage
from trunkline.contract.providers import Operations
from trunkline.contract.quarantine import Quarantine
from trunkline.contract.readers import Consumers, Digests
from trunkline.contract.stream import Emit, EventReader

Made = TypeVar("Made")
Settings = TypeVar("Settings", bound=BaseModel | None, default=BaseModel | None, covariant=True)  # noqa: PLC0105 - its name is in the reference
"""The model of the plugin's settings; a plugin that has none, or does not ask for them, need not name it."""


@dataclass(frozen=True, slots=True)
class PluginContext(Generic[Settings]):
    """What a plugin may touch. *settings* is an instance of the model that it registered, or None.

    Hooks name that model, ``PluginContext[Model]``, and have ``context.settings`` typed.
    """

    name: str
    settings: Settings
    http: HttpClient
    network: Network
    http_for: HttpFor
    """Gives the guarded way out in the name of a company: its connections and lookups are apart from those of others."""
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
    quarantine: Quarantine
    deployment: Deployment
    sealer: Sealer
    metrics: PluginMetrics
    pages: Callable[[], Sequence[tuple[str, PortalPage]]]
    """The pages of the portal that the plugins that run give, each with its plugin's name."""
    emit: Emit
    clock: Clock
    log: logging.Logger
    _shared: dict[Callable[[Any], object], object] = field(
        default_factory=dict[Callable[[Any], object], object],
        init=False,
        repr=False,
        compare=False,
    )

    def shared(self, make: Callable[[Self], Made]) -> Made:
        """Give what *make*, a function or class of the plugin's, makes of this context: made once, and the same ever after.

        So hooks share what lives as long as the hub, such as the connection to a broker: ``register_channels`` hands its
        ``deliver`` over, ``lifespan`` opens and closes it, and two hubs in one process have one each.
        """
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("Made", self._shared[make])
