"""trunkline: one stream of business events, and every way that customers take it.

What a plugin needs is here; a plugin imports nothing deeper. Each name is loaded when it is first used, so
``import trunkline.client`` loads neither the web framework nor the database.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.access.issuers import Issuer, IssuerUnavailable
    from trunkline.api.company_names import CompanyName
    from trunkline.api.definitions import (
        CALL_PREFIX,
        body_model,
        call_options,
        definition_routes,
        query_model,
    )
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
        AcceptedEvent,
        Action,
        Activity,
        Answer,
        Answered,
        ApiKeys,
        Attention,
        AttentionKind,
        BearerRequest,
        Bucket,
        Call,
        ChangedSubscription,
        Channel,
        CheckTarget,
        Clock,
        Companies,
        CompanyRows,
        Connector,
        Deliver,
        Deployment,
        Emit,
        EmittedEvent,
        EventList,
        EventReader,
        FinishedAttempt,
        Gap,
        Held,
        HttpClient,
        HttpResponse,
        ListedEvent,
        Lookup,
        Migrations,
        Network,
        OpenOrigin,
        Operations,
        OriginClient,
        Overview,
        PluginContext,
        PluginDatabase,
        PortalContent,
        PortalPage,
        PortalRedirect,
        PortalRequest,
        Push,
        Quarantine,
        QuarantinedEvent,
        QuarantinePage,
        ReadFile,
        Replays,
        Routes,
        Sealer,
        Search,
        ShownEvent,
        SubscriptionActivity,
        Subscriptions,
        Target,
        Terms,
    )
    from trunkline.contract import Deliveries as DeliveryLog
    from trunkline.contract import EventPage as StreamPage
    from trunkline.contract.fragments import FragmentInvalid, check_fragment
    from trunkline.contract.hookspecs import HOOK_API, hookimpl
    from trunkline.errors import (
        AddressRefused,
        BadCursor,
        BadQuery,
        BodyInvalid,
        CursorExpired,
        EventRejected,
        ExtraMissing,
        FieldError,
        NotFound,
        ProviderFailed,
        ProviderRefused,
        Refused,
        TargetRefused,
        TrunklineError,
        Unauthenticated,
    )
    from trunkline.model.deliveries import BreakerPolicy, Outcome, Result
    from trunkline.model.environments import (
        company_number,
        company_title,
        environment_member,
        environment_of,
        in_environment,
    )
    from trunkline.model.event_groups import is_group, takes_type, type_groups
    from trunkline.model.principals import COMPANY_SCOPES, Principal, describe_scope
    from trunkline.outbound.push import deliver as deliver_by_http
    from trunkline.outbound.push import post as post_by_http
    from trunkline.plugins.extras import require_extra
    from trunkline.schemas.catalog import EventType, Json
    from trunkline.schemas.conditions import Condition, all_conditions, conditions_of
    from trunkline.schemas.definitions import Definition, Example, ItemList, Kind, read_definition
    from trunkline.schemas.fields import Field, FieldKind, Reference
    from trunkline.schemas.products import Brand, Product, alternatives, json_remarks, sample_envelope
    from trunkline.schemas.versions import Caster
    from trunkline.schemas.wording import (
        Wording,
        happening,
        plural,
        singular,
        those_of,
        with_article,
        wording_of,
    )
    from trunkline.settings import Names, Seconds
    from trunkline.targets.signatures import Signer
    from trunkline.version import __version__

__all__ = [
    "CALL_PREFIX",
    "COMPANY_SCOPES",
    "HOOK_API",
    "AcceptedEvent",
    "Action",
    "Activity",
    "AddressRefused",
    "Answer",
    "Answered",
    "ApiKeys",
    "Attention",
    "AttentionKind",
    "BadCursor",
    "BadQuery",
    "BearerRequest",
    "BodyInvalid",
    "Brand",
    "BreakerPolicy",
    "Bucket",
    "Call",
    "Caller",
    "Caster",
    "ChangedSubscription",
    "Channel",
    "CheckTarget",
    "Clock",
    "Companies",
    "CompanyName",
    "CompanyRows",
    "Condition",
    "Connector",
    "CreateSubscription",
    "CreatedSubscription",
    "CursorExpired",
    "Definition",
    "Deliver",
    "Deliveries",
    "DeliveryLog",
    "DeliveryQuery",
    "Deployment",
    "Emit",
    "EmittedEvent",
    "Envelope",
    "EventList",
    "EventPage",
    "EventReader",
    "EventRejected",
    "EventType",
    "Example",
    "ExtraMissing",
    "Field",
    "FieldError",
    "FieldKind",
    "FinishedAttempt",
    "FragmentInvalid",
    "Gap",
    "Held",
    "HttpClient",
    "HttpResponse",
    "IdempotencyKey",
    "Issuer",
    "IssuerUnavailable",
    "ItemList",
    "Json",
    "Kind",
    "ListedEvent",
    "Lookup",
    "Migrations",
    "Names",
    "Network",
    "NotFound",
    "OpenOrigin",
    "Operations",
    "OriginClient",
    "Outcome",
    "Overview",
    "PluginContext",
    "PluginDatabase",
    "PortalContent",
    "PortalPage",
    "PortalRedirect",
    "PortalRequest",
    "Principal",
    "Product",
    "ProviderFailed",
    "ProviderRefused",
    "Push",
    "Quarantine",
    "QuarantinePage",
    "QuarantinedEvent",
    "QueryModel",
    "ReadFile",
    "Reference",
    "Refused",
    "ReplayCount",
    "ReplayRequest",
    "ReplayView",
    "Replays",
    "Result",
    "RotateSecret",
    "RotatedSecret",
    "Routes",
    "Sealer",
    "Search",
    "Seconds",
    "ShownEvent",
    "Signer",
    "StreamPage",
    "Strict",
    "StrictRoute",
    "SubscriptionActivity",
    "SubscriptionList",
    "SubscriptionView",
    "Subscriptions",
    "Target",
    "TargetRefused",
    "Terms",
    "TestAttempt",
    "TrunklineError",
    "Unauthenticated",
    "UpdateSubscription",
    "Wording",
    "__version__",
    "all_conditions",
    "alternatives",
    "body_model",
    "call_options",
    "check_fragment",
    "check_idempotency_key",
    "company_number",
    "company_title",
    "conditions_of",
    "definition_routes",
    "deliver_by_http",
    "describe_scope",
    "environment_member",
    "environment_of",
    "happening",
    "hookimpl",
    "in_environment",
    "is_group",
    "json_remarks",
    "plural",
    "post_by_http",
    "query_model",
    "query_reader",
    "read_body",
    "read_definition",
    "read_json",
    "require_extra",
    "requires",
    "responses",
    "rest_hook_channel",
    "rest_hook_routes",
    "sample_envelope",
    "singular",
    "takes_type",
    "those_of",
    "type_groups",
    "with_article",
    "wording_of",
]

_HOMES = {
    "trunkline.access.issuers": "Issuer IssuerUnavailable",
    "trunkline.api.definitions": "CALL_PREFIX body_model call_options definition_routes query_model",
    "trunkline.api.hooks": "rest_hook_channel rest_hook_routes",
    "trunkline.api.idempotency_keys": "IdempotencyKey check_idempotency_key",
    "trunkline.api.models": (
        "CreateSubscription CreatedSubscription Deliveries Envelope EventPage ReplayCount ReplayRequest "
        "ReplayView RotateSecret RotatedSecret Strict SubscriptionView Subscriptions:SubscriptionList "
        "TestAttempt UpdateSubscription"
    ),
    "trunkline.api.company_names": "CompanyName",
    "trunkline.api.problems": "responses",
    "trunkline.api.requests": "QueryModel StrictRoute query_reader read_body",
    "trunkline.api.security": "Caller requires",
    "trunkline.api.strict_json": "read_json",
    "trunkline.api.subscriptions": "DeliveryQuery",
    "trunkline.contract": (
        "AcceptedEvent Action Activity Answer Answered ApiKeys Attention AttentionKind BearerRequest "
        "Bucket Call ChangedSubscription Channel CheckTarget Clock Companies CompanyRows Connector Deliver Deliveries:DeliveryLog Deployment Emit "
        "EmittedEvent EventList EventPage:StreamPage EventReader FinishedAttempt Gap Held HttpClient HttpResponse ListedEvent "
        "Lookup Migrations Network OpenOrigin Operations OriginClient Overview PluginContext PluginDatabase "
        "PortalContent PortalPage PortalRedirect PortalRequest Push Quarantine QuarantinePage "
        "QuarantinedEvent ReadFile Replays Routes Sealer Search ShownEvent SubscriptionActivity Subscriptions Target Terms"
    ),
    "trunkline.contract.fragments": "FragmentInvalid check_fragment",
    "trunkline.contract.hookspecs": "HOOK_API hookimpl",
    "trunkline.errors": (
        "AddressRefused BadCursor BadQuery BodyInvalid CursorExpired EventRejected ExtraMissing "
        "FieldError NotFound ProviderFailed ProviderRefused Refused TargetRefused TrunklineError "
        "Unauthenticated"
    ),
    "trunkline.model.deliveries": "BreakerPolicy Outcome Result",
    "trunkline.model.event_groups": "is_group takes_type type_groups",
    "trunkline.model.environments": (
        "company_number company_title environment_member environment_of in_environment"
    ),
    "trunkline.model.principals": "COMPANY_SCOPES Principal describe_scope",
    "trunkline.outbound.push": "deliver:deliver_by_http post:post_by_http",
    "trunkline.plugins.extras": "require_extra",
    "trunkline.schemas.catalog": "EventType Json",
    "trunkline.schemas.conditions": "Condition all_conditions conditions_of",
    "trunkline.schemas.definitions": "Definition Example ItemList Kind read_definition",
    "trunkline.schemas.fields": "Field FieldKind Reference",
    "trunkline.schemas.products": "Brand Product alternatives json_remarks sample_envelope",
    "trunkline.schemas.versions": "Caster",
    "trunkline.schemas.wording": "Wording happening plural singular those_of with_article wording_of",
    "trunkline.settings": "Names Seconds",
    "trunkline.targets.signatures": "Signer",
    "trunkline.version": "__version__",
}
"""The names of each module; one that is called otherwise here stands as ``own_name:name``."""
_HOME_OF = {
    entry.rpartition(":")[2]: (home, entry.partition(":")[0])
    for home, names in _HOMES.items()
    for entry in names.split()
}


if not TYPE_CHECKING:  # a type checker that reads it takes any name for one of these

    def __getattr__(name: str) -> object:
        if name not in _HOME_OF:
            msg = f"module 'trunkline' has no attribute '{name}'"
            raise AttributeError(msg)
        home, own_name = _HOME_OF[name]
        return getattr(importlib.import_module(home), own_name)


def __dir__() -> list[str]:
    return sorted(__all__)
