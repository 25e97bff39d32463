"""For authors of routes, of channels that hold subscriptions of their own, and of ways to sign in.

Here are the guards and models that the hub's own routes are made of, the errors that they answer with, and the types of what
a context lends (``context.subscriptions``, ``context.keys``), for annotations. ``trunkline`` is what every plugin begins with.
"""

from trunkline.api.company_names import CompanyName
from trunkline.api.definitions import CALL_PREFIX, body_model, call_options, definition_routes, query_model
from trunkline.api.hooks import rest_hook_channel, rest_hook_routes
from trunkline.api.idempotency_keys import IdempotencyKey, check_idempotency_key
from trunkline.api.models import (
    CreatedSubscription,
    CreateSubscription,
    Deliveries,
    Envelope,
    EventPage,
    ReplayCount,
    ReplayRequest,
    ReplayView,
    RotatedSecret,
    RotateSecret,
    Strict,
    SubscriptionView,
    TestAttempt,
    UpdateSubscription,
)
from trunkline.api.models import Subscriptions as SubscriptionList
from trunkline.api.problems import responses
from trunkline.api.requests import QueryModel, StrictRoute, query_reader, read_body
from trunkline.api.security import Caller, requires
from trunkline.api.strict_json import read_json
from trunkline.api.subscriptions import DeliveryQuery
from trunkline.contract import (
    Answered,
    ApiKeys,
    BearerRequest,
    CheckTarget,
    Clock,
    Companies,
    Deliver,
    Deployment,
    Emit,
    EventReader,
    Gap,
    Held,
    OpenOrigin,
    Operations,
    PluginDatabase,
    Quarantine,
    QuarantinedEvent,
    QuarantinePage,
    Replays,
    Routes,
    Sealer,
    Subscriptions,
    Terms,
)
from trunkline.contract import Deliveries as DeliveryLog
from trunkline.contract import EventPage as StreamPage
from trunkline.errors import (
    BadCursor,
    BadQuery,
    CursorExpired,
    EventRejected,
    ExtraMissing,
    ProviderRefused,
    TargetRefused,
    TrunklineError,
    Unauthenticated,
)
from trunkline.model.deliveries import BreakerPolicy
from trunkline.model.event_groups import is_group, takes_type, type_groups
from trunkline.model.principals import COMPANY_SCOPES, Principal, describe_scope
from trunkline.plugins.extras import require_extra
from trunkline.settings import Names, Seconds

__all__ = [
    "CALL_PREFIX",
    "COMPANY_SCOPES",
    "Answered",
    "ApiKeys",
    "BadCursor",
    "BadQuery",
    "BearerRequest",
    "BreakerPolicy",
    "Caller",
    "CheckTarget",
    "Clock",
    "Companies",
    "CompanyName",
    "CreateSubscription",
    "CreatedSubscription",
    "CursorExpired",
    "Deliver",
    "Deliveries",
    "DeliveryLog",
    "DeliveryQuery",
    "Deployment",
    "Emit",
    "Envelope",
    "EventPage",
    "EventReader",
    "EventRejected",
    "ExtraMissing",
    "Gap",
    "Held",
    "IdempotencyKey",
    "Names",
    "OpenOrigin",
    "Operations",
    "PluginDatabase",
    "Principal",
    "ProviderRefused",
    "Quarantine",
    "QuarantinePage",
    "QuarantinedEvent",
    "QueryModel",
    "ReplayCount",
    "ReplayRequest",
    "ReplayView",
    "Replays",
    "RotateSecret",
    "RotatedSecret",
    "Routes",
    "Sealer",
    "Seconds",
    "StreamPage",
    "Strict",
    "StrictRoute",
    "SubscriptionList",
    "SubscriptionView",
    "Subscriptions",
    "TargetRefused",
    "Terms",
    "TestAttempt",
    "TrunklineError",
    "Unauthenticated",
    "UpdateSubscription",
    "body_model",
    "call_options",
    "check_idempotency_key",
    "definition_routes",
    "describe_scope",
    "is_group",
    "query_model",
    "query_reader",
    "read_body",
    "read_json",
    "require_extra",
    "requires",
    "responses",
    "rest_hook_channel",
    "rest_hook_routes",
    "takes_type",
    "type_groups",
]
