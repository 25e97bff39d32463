"""trunkline: one stream of business events, and every way that customers take it.

What a plugin needs is here; a plugin imports nothing deeper.
"""

from trunkline.api.models import (
    CreatedSubscription,
    Deliveries,
    Envelope,
    EventPage,
    ReplayCount,
    ReplayRequest,
    ReplayView,
    Strict,
    SubscriptionView,
)
from trunkline.api.models import Subscriptions as SubscriptionList
from trunkline.api.problems import responses
from trunkline.api.requests import QueryModel, StrictRoute
from trunkline.api.security import Caller, requires
from trunkline.api.subscriptions import DeliveryQuery
from trunkline.capabilities import (
    AcceptedEvent,
    ChangedSubscription,
    Channel,
    Clock,
    Deliver,
    Emit,
    EmittedEvent,
    EventReader,
    FinishedAttempt,
    HttpClient,
    HttpResponse,
    Migrations,
    PluginContext,
    Push,
    Routes,
    Target,
)
from trunkline.deliveries import Outcome, Result
from trunkline.errors import (
    AddressRefused,
    BadCursor,
    BadQuery,
    BodyInvalid,
    EventRejected,
    FieldError,
    NotFound,
    Refused,
    TargetRefused,
    TrunklineError,
)
from trunkline.hookspecs import hookimpl
from trunkline.http_push import deliver as deliver_by_http
from trunkline.schemas import EventType, Json
from trunkline.version import __version__

__all__ = [
    "AcceptedEvent",
    "AddressRefused",
    "BadCursor",
    "BadQuery",
    "BodyInvalid",
    "Caller",
    "ChangedSubscription",
    "Channel",
    "Clock",
    "CreatedSubscription",
    "Deliver",
    "Deliveries",
    "DeliveryQuery",
    "Emit",
    "EmittedEvent",
    "Envelope",
    "EventPage",
    "EventReader",
    "EventRejected",
    "EventType",
    "FieldError",
    "FinishedAttempt",
    "HttpClient",
    "HttpResponse",
    "Json",
    "Migrations",
    "NotFound",
    "Outcome",
    "PluginContext",
    "Push",
    "QueryModel",
    "Refused",
    "ReplayCount",
    "ReplayRequest",
    "ReplayView",
    "Result",
    "Routes",
    "Strict",
    "StrictRoute",
    "SubscriptionList",
    "SubscriptionView",
    "Target",
    "TargetRefused",
    "TrunklineError",
    "__version__",
    "deliver_by_http",
    "hookimpl",
    "requires",
    "responses",
]
