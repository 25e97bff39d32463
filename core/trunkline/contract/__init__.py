"""The values that a plugin gives or receives, and the protocols that it may call.

All values are frozen. A plugin never holds the database, the app or another plugin.
"""

import importlib
from typing import TYPE_CHECKING

from trunkline.contract.channels import (
    Batch,
    Channel,
    CheckTarget,
    Deliver,
    DeliverBatch,
    Gap,
    HttpClient,
    HttpFor,
    HttpResponse,
    Network,
    OpenOrigin,
    Push,
    Target,
)
from trunkline.contract.companies import Companies
from trunkline.contract.connectors import Command, Connector, Generate, ReadFile, RunCommand
from trunkline.contract.context import PluginContext
from trunkline.contract.delivering import (
    ChangedSubscription,
    DeliveryLog,
    FinishedAttempt,
    Held,
    HeldSubscriptions,
    Renewed,
    Replays,
    Subscriptions,
    Terms,
)
from trunkline.contract.figures import (
    Activity,
    Attention,
    AttentionKind,
    Bucket,
    DeliveriesState,
    EventList,
    ListedEvent,
    Overview,
    ShownEvent,
    SubscriptionActivity,
    TargetFigures,
    Trouble,
)
from trunkline.contract.hub import (
    KEYS,
    AccessTokens,
    ApiKeys,
    BearerRequest,
    CallLimits,
    ClientAddresses,
    Clock,
    Deployment,
    Journal,
    Migrations,
    PluginCounter,
    PluginDatabase,
    PluginDurations,
    PluginMetrics,
    Sealer,
)
from trunkline.contract.pages import PortalContent, PortalPage, PortalRedirect, PortalRequest, Render, Submit
from trunkline.contract.providers import Answer, Answered, Call, EmittedEvent, Operation, Operations, Run
from trunkline.contract.quarantine import (
    Quarantine,
    QuarantinedEvent,
    QuarantinePage,
    ReleasedEvent,
    ReleasedEvents,
)
from trunkline.contract.stream import AcceptedEvent, Consumers, Digests, Emit, EventReader, StreamPage
from trunkline.model.company_rows import CompanyRows

if TYPE_CHECKING:
    from trunkline.contract.routes import BASES, PORTAL_BASE, DirectHandler, Routes
else:

    def __getattr__(name: str) -> object:
        """Load the web framework with the names that need it: commands that serve nothing do without."""
        if name not in __all__:
            msg = f"module 'trunkline.contract' has no attribute '{name}'"
            raise AttributeError(msg)
        return getattr(importlib.import_module("trunkline.contract.routes"), name)


__all__ = [
    "BASES",
    "KEYS",
    "PORTAL_BASE",
    "AcceptedEvent",
    "AccessTokens",
    "Activity",
    "Answer",
    "Answered",
    "ApiKeys",
    "Attention",
    "AttentionKind",
    "Batch",
    "BearerRequest",
    "Bucket",
    "Call",
    "CallLimits",
    "ChangedSubscription",
    "Channel",
    "CheckTarget",
    "ClientAddresses",
    "Clock",
    "Command",
    "Companies",
    "CompanyRows",
    "Connector",
    "Consumers",
    "Deliver",
    "DeliverBatch",
    "DeliveriesState",
    "DeliveryLog",
    "Deployment",
    "Digests",
    "DirectHandler",
    "Emit",
    "EmittedEvent",
    "EventList",
    "EventReader",
    "FinishedAttempt",
    "Gap",
    "Generate",
    "Held",
    "HeldSubscriptions",
    "HttpClient",
    "HttpFor",
    "HttpResponse",
    "Journal",
    "ListedEvent",
    "Migrations",
    "Network",
    "OpenOrigin",
    "Operation",
    "Operations",
    "Overview",
    "PluginContext",
    "PluginCounter",
    "PluginDatabase",
    "PluginDurations",
    "PluginMetrics",
    "PortalContent",
    "PortalPage",
    "PortalRedirect",
    "PortalRequest",
    "Push",
    "Quarantine",
    "QuarantinePage",
    "QuarantinedEvent",
    "ReadFile",
    "ReleasedEvent",
    "ReleasedEvents",
    "Render",
    "Renewed",
    "Replays",
    "Routes",
    "Run",
    "RunCommand",
    "Sealer",
    "ShownEvent",
    "StreamPage",
    "Submit",
    "SubscriptionActivity",
    "Subscriptions",
    "Target",
    "TargetFigures",
    "Terms",
    "Trouble",
]
