"""The values that a plugin hands over or receives, and the protocols it may call.

Everything is frozen: a plugin gives values when the hub starts and gets values when something happens. It never holds
the database, the app or another plugin.
"""

from trunkline.contract.channels import (
    Channel,
    CheckTarget,
    Deliver,
    HttpClient,
    HttpResponse,
    OpenOrigin,
    Push,
    Target,
)
from trunkline.contract.connectors import Connector, Generate, ReadFile
from trunkline.contract.context import PluginContext
from trunkline.contract.delivering import (
    ChangedSubscription,
    Deliveries,
    FinishedAttempt,
    Replays,
    Subscriptions,
)
from trunkline.contract.figures import (
    Activity,
    Attention,
    AttentionKind,
    Bucket,
    EventList,
    ListedEvent,
    Overview,
    ShownEvent,
    SubscriptionActivity,
)
from trunkline.contract.hub import (
    ApiKeys,
    CallLimits,
    ClientAddresses,
    Clock,
    Deployment,
    Migrations,
    PluginDatabase,
    Sealer,
)
from trunkline.contract.network import Network
from trunkline.contract.pages import PortalPage, PortalRequest, Render
from trunkline.contract.providers import (
    Action,
    Answer,
    Answered,
    Call,
    EmittedEvent,
    Lookup,
    Operations,
    Run,
    Search,
)
from trunkline.contract.quarantine import (
    Quarantine,
    QuarantinedEvent,
    QuarantinePage,
    ReleasedEvent,
    ReleasedEvents,
)
from trunkline.contract.routes import BASES, PORTAL_BASE, DirectHandler, Routes
from trunkline.contract.stream import AcceptedEvent, Emit, EventPage, EventReader

__all__ = [
    "BASES",
    "PORTAL_BASE",
    "AcceptedEvent",
    "Action",
    "Activity",
    "Answer",
    "Answered",
    "ApiKeys",
    "Attention",
    "AttentionKind",
    "Bucket",
    "Call",
    "CallLimits",
    "ChangedSubscription",
    "Channel",
    "CheckTarget",
    "ClientAddresses",
    "Clock",
    "Connector",
    "Deliver",
    "Deliveries",
    "Deployment",
    "DirectHandler",
    "Emit",
    "EmittedEvent",
    "EventList",
    "EventPage",
    "EventReader",
    "FinishedAttempt",
    "Generate",
    "HttpClient",
    "HttpResponse",
    "ListedEvent",
    "Lookup",
    "Migrations",
    "Network",
    "OpenOrigin",
    "Operations",
    "Overview",
    "PluginContext",
    "PluginDatabase",
    "PortalPage",
    "PortalRequest",
    "Push",
    "Quarantine",
    "QuarantinePage",
    "QuarantinedEvent",
    "ReadFile",
    "ReleasedEvent",
    "ReleasedEvents",
    "Render",
    "Replays",
    "Routes",
    "Run",
    "Sealer",
    "Search",
    "ShownEvent",
    "SubscriptionActivity",
    "Subscriptions",
    "Target",
]
