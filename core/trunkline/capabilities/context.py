"""All that a plugin may touch."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from trunkline.capabilities.channels import HttpClient, OpenOrigin
from trunkline.capabilities.delivering import Deliveries, Replays, Subscriptions
from trunkline.capabilities.figures import Activity
from trunkline.capabilities.hub import ApiKeys, Clock, Deployment, PluginDatabase, Sealer
from trunkline.capabilities.pages import PortalPage
from trunkline.capabilities.providers import Operations
from trunkline.capabilities.stream import Emit, EventReader


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin may touch. *settings* is an instance of the model that it registered, or None."""

    name: str
    settings: BaseModel | None
    http: HttpClient
    events: EventReader
    subscriptions: Subscriptions
    deliveries: Deliveries
    replays: Replays
    operations: Operations
    database: PluginDatabase
    open_origin: OpenOrigin
    keys: ApiKeys
    activity: Activity
    deployment: Deployment
    sealer: Sealer
    pages: Callable[[], Sequence[tuple[str, PortalPage]]]
    """The pages of the portal that the plugins that run give, each with its plugin's name."""
    emit: Emit
    clock: Clock
    log: logging.Logger
