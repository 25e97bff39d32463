"""Names for authors of routes, commands, sign-in methods, watchers, and channels that manage subscriptions.

A watcher is a plugin with hooks such as ``event_accepted``.
This module has the guards and models of the hub's own routes, the errors that they answer with, and the types of a context's
members (``context.subscriptions``, ``context.keys``) for annotations.
"""
# The names of the API, and with them the web framework, are imported at their first use.

from typing import TYPE_CHECKING

from trunkline.access.claims import find_claim, read_company
from trunkline.access.issuer_tokens import IssuerTokens
from trunkline.access.issuers import Issuer, IssuerUnavailable
from trunkline.contract import (
    KEYS,
    AcceptedEvent,
    AccessTokens,
    Answered,
    ApiKeys,
    BearerRequest,
    ChangedSubscription,
    CheckTarget,
    Clock,
    Command,
    Companies,
    Consumers,
    Deliver,
    DeliveryLog,
    Deployment,
    Digests,
    Emit,
    EventReader,
    FinishedAttempt,
    Gap,
    Held,
    HttpResponse,
    Journal,
    OpenOrigin,
    Operations,
    PluginDatabase,
    Quarantine,
    QuarantinedEvent,
    QuarantinePage,
    Replays,
    Sealer,
    StreamPage,
    Subscriptions,
    Terms,
)
from trunkline.errors import (
    BadCursor,
    BadQuery,
    CursorExpired,
    CursorUnknown,
    EventRejected,
    ExtraMissing,
    ProviderFailed,
    ProviderRefused,
    SettingsInvalid,
    TargetRefused,
    TrunklineError,
    Unauthenticated,
)
from trunkline.lazy_names import load, read_homes
from trunkline.model.deliveries import BreakerPolicy
from trunkline.model.environments import (
    company_number,
    company_title,
    environment_member,
    environment_of,
    in_environment,
)
from trunkline.model.etags import etag_of
from trunkline.model.event_groups import is_group, takes_type, type_groups
from trunkline.model.principals import COMPANY_SCOPES, Principal, describe_scope
from trunkline.plugins.extras import require_extra
from trunkline.schemas.definitions import CALL_PREFIX
from trunkline.settings import (
    CompanyClaimIs,
    Names,
    OptionalTokenIssuer,
    Seconds,
    TokenIssuer,
    UnknownCompanies,
)
from trunkline.subscribing.named import rest_hook_channel

if TYPE_CHECKING:
    from trunkline.api.company_names import CompanyName
    from trunkline.api.definitions import body_model, call_options, definition_routes, query_model
    from trunkline.api.events import EventIdInPath
    from trunkline.api.hooks import rest_hook_routes
    from trunkline.api.idempotency_keys import IdempotencyKey, check_idempotency_key
    from trunkline.api.models import (
        CreatedSubscription,
        CreateWebhookSubscription,
        Envelope,
        EventPage,
        Maker,
        RotatedSecret,
        RotateSecret,
        Strict,
        SubscriptionList,
        SubscriptionView,
        TestAttempt,
        UpdatedSubscription,
        UpdateSubscription,
    )
    from trunkline.api.paging import ListQuery, page_of
    from trunkline.api.problems import responses
    from trunkline.api.requests import (
        LOCATION,
        DeferredRoute,
        IfMatch,
        QueryModel,
        StrictRoute,
        query_reader,
        read_body,
    )
    from trunkline.api.security import Caller, requires
    from trunkline.api.security_events import SecurityEvent
    from trunkline.api.subscriptions import (
        DeliveryList,
        DeliveryQuery,
        ReplayCount,
        ReplayRequest,
        ReplayView,
    )
    from trunkline.contract import Routes
    from trunkline.runtime.strict_json import read_json

__all__ = [
    "CALL_PREFIX",
    "COMPANY_SCOPES",
    "KEYS",
    "LOCATION",
    "AcceptedEvent",
    "AccessTokens",
    "Answered",
    "ApiKeys",
    "BadCursor",
    "BadQuery",
    "BearerRequest",
    "BreakerPolicy",
    "Caller",
    "ChangedSubscription",
    "CheckTarget",
    "Clock",
    "Command",
    "Companies",
    "CompanyClaimIs",
    "CompanyName",
    "Consumers",
    "CreateWebhookSubscription",
    "CreatedSubscription",
    "CursorExpired",
    "CursorUnknown",
    "DeferredRoute",
    "Deliver",
    "DeliveryList",
    "DeliveryLog",
    "DeliveryQuery",
    "Deployment",
    "Digests",
    "Emit",
    "Envelope",
    "EventIdInPath",
    "EventPage",
    "EventReader",
    "EventRejected",
    "ExtraMissing",
    "FinishedAttempt",
    "Gap",
    "Held",
    "HttpResponse",
    "IdempotencyKey",
    "IfMatch",
    "Issuer",
    "IssuerTokens",
    "IssuerUnavailable",
    "Journal",
    "ListQuery",
    "Maker",
    "Names",
    "OpenOrigin",
    "Operations",
    "OptionalTokenIssuer",
    "PluginDatabase",
    "Principal",
    "ProviderFailed",
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
    "SecurityEvent",
    "SettingsInvalid",
    "StreamPage",
    "Strict",
    "StrictRoute",
    "SubscriptionList",
    "SubscriptionView",
    "Subscriptions",
    "TargetRefused",
    "Terms",
    "TestAttempt",
    "TokenIssuer",
    "TrunklineError",
    "Unauthenticated",
    "UnknownCompanies",
    "UpdateSubscription",
    "UpdatedSubscription",
    "body_model",
    "call_options",
    "check_idempotency_key",
    "company_number",
    "company_title",
    "definition_routes",
    "describe_scope",
    "environment_member",
    "environment_of",
    "etag_of",
    "find_claim",
    "in_environment",
    "is_group",
    "page_of",
    "query_model",
    "query_reader",
    "read_body",
    "read_company",
    "read_json",
    "require_extra",
    "requires",
    "responses",
    "rest_hook_channel",
    "rest_hook_routes",
    "takes_type",
    "type_groups",
]

_HOMES = {
    "trunkline.api.company_names": "CompanyName",
    "trunkline.api.definitions": "body_model call_options definition_routes query_model",
    "trunkline.api.events": "EventIdInPath",
    "trunkline.api.hooks": "rest_hook_routes",
    "trunkline.api.idempotency_keys": "IdempotencyKey check_idempotency_key",
    "trunkline.api.models": (
        "CreatedSubscription CreateWebhookSubscription Envelope EventPage Maker RotatedSecret RotateSecret Strict "
        "SubscriptionList SubscriptionView TestAttempt UpdatedSubscription UpdateSubscription"
    ),
    "trunkline.api.paging": "ListQuery page_of",
    "trunkline.api.problems": "responses",
    "trunkline.api.requests": "LOCATION DeferredRoute IfMatch QueryModel StrictRoute query_reader read_body",
    "trunkline.api.security": "Caller requires",
    "trunkline.api.security_events": "SecurityEvent",
    "trunkline.api.subscriptions": "DeliveryList DeliveryQuery ReplayCount ReplayRequest ReplayView",
    "trunkline.contract": "Routes",
    "trunkline.runtime.strict_json": "read_json",
}
_HOME_OF = read_homes(_HOMES)

if not TYPE_CHECKING:  # a type checker that sees it would accept any name

    def __getattr__(name: str) -> object:
        return load(name, of="trunkline.routes", homes=_HOME_OF)
