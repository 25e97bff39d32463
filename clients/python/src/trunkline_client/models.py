"""The bodies of the API's calls and answers. Made by ``clients/python/generate.py`` from the OpenAPI document."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any, Literal, TypedDict

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired


class ReplacePayloadApiV1QuarantineQuarantineIdPatchBody(TypedDict):
    payload: dict[str, Any]


class ReleaseQuarantinedApiV1QuarantineQuarantineIdReleasePostBody(TypedDict):
    payload: NotRequired[dict[str, Any]]


class AcceptedBatch(TypedDict):
    events: list[Envelope]
    quarantined: NotRequired[list[QuarantinedItem] | None]


class ActionsList(TypedDict):
    actions: list[ShownDefinition]
    count: int


class AppList(TypedDict):
    apps: list[AppView]
    count: int


class AppRequest(TypedDict):
    name: str
    redirect_uris: list[str]
    scopes: NotRequired[list[str]]
    public: NotRequired[bool]
    jwks: NotRequired[dict[str, Any]]
    jwks_uri: NotRequired[str]


class AppSecret(TypedDict):
    client_secret: str


class AppView(TypedDict):
    client_id: str
    name: str
    redirect_uris: list[str]
    scopes: list[str]
    public: bool
    jwks_uri: NotRequired[str | None]
    created_utc: str | None


class AttemptView(TypedDict):
    number: int
    started_utc: str
    duration_ms: int
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    response_body: str | None
    error: str | None
    sent_twice: NotRequired[Literal[True] | None]


class ChangeApp(TypedDict):
    name: NotRequired[str]
    redirect_uris: NotRequired[list[str]]
    jwks: NotRequired[dict[str, Any]]
    jwks_uri: NotRequired[str]


class ChangeSubscriptionOrdering1(TypedDict):
    key: str


class ChangeSubscriptionRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class ChangeSubscriptionRetry1(TypedDict):
    for_seconds: Decimal | float


class ChangeSubscription(TypedDict):
    target: NotRequired[dict[str, Any] | None]
    event_types: NotRequired[list[str] | None]
    description: NotRequired[str | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    status: NotRequired[Literal["active", "paused"] | None]
    catch_up: NotRequired[bool]
    ordering: NotRequired[Literal["subscription"] | ChangeSubscriptionOrdering1 | None]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[ChangeSubscriptionRetry | ChangeSubscriptionRetry1 | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class ChangedSubscriptionOrdering1(TypedDict):
    key: str


class ChangedSubscriptionRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class ChangedSubscriptionRetry1(TypedDict):
    for_seconds: Decimal | float


class ChangedSubscription(TypedDict):
    id: str
    channel: str
    target_url: str
    event_types: list[str]
    description: str | None
    filter: dict[str, Any] | None
    versions: dict[str, int]
    headers: dict[str, str]
    signature: str
    ordering: Literal["subscription"] | ChangedSubscriptionOrdering1 | None
    timeout_seconds: Decimal | float | None
    retry: ChangedSubscriptionRetry | ChangedSubscriptionRetry1 | None
    max_in_flight: int | None
    rate: str | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: str | None
    created_utc: str
    updated_utc: str
    public_key: NotRequired[str | None]
    target: NotRequired[dict[str, Any] | None]
    name: NotRequired[str | None]
    holder: NotRequired[str | None]
    expires_utc: NotRequired[str | None]
    created_by: NotRequired[Maker | None]
    warnings: NotRequired[list[str] | None]


class ChannelView(TypedDict):
    name: str
    title: str
    description: str
    target_schema: NotRequired[dict[str, Any] | None]
    target_example: NotRequired[dict[str, Any] | None]


class Channels(TypedDict):
    channels: list[ChannelView]
    count: int


class CompanyList(TypedDict):
    companies: list[CompanyView]
    next_cursor: str | None


class CompanyRequest(TypedDict):
    reference: NotRequired[str | None]
    name: NotRequired[str | None]
    limits: NotRequired[dict[str, int | None] | None]
    delivery: NotRequired[Treatment | None]
    test: NotRequired[TestEnvironmentRequest | None]
    time_zone: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]
    alert_recipients: NotRequired[list[str] | None]


class CompanyView(TypedDict):
    id: int
    reference: str | None
    name: str | None
    limits: dict[str, int]
    own_limits: dict[str, int]
    delivery: Treatment
    test: TestEnvironmentView
    time_zone: str | None
    metadata: dict[str, Any]
    alert_recipients: list[str]
    created_utc: str | None
    updated_utc: str | None


class ConnectionList(TypedDict):
    connections: list[ConnectionView]
    count: int


class ConnectionView(TypedDict):
    id: str
    client_id: str
    app: str
    company_id: int
    environment: NotRequired[Literal["test"] | None]
    scopes: list[str]
    granted_by: str
    created_by: Maker | None
    belongs_to_company: bool
    allowed_networks: list[str]
    created_utc: str
    last_used_utc: str | None
    expires_utc: str | None


class CreateSubscriptionOrdering1(TypedDict):
    key: str


class CreateSubscriptionRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class CreateSubscriptionRetry1(TypedDict):
    for_seconds: Decimal | float


class CreateSubscription(TypedDict):
    target_url: str
    event_types: list[str]
    description: NotRequired[str | None]
    secret: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    start: NotRequired[str | None]
    signature: NotRequired[Literal["standard", "github", "stripe", "ed25519"]]
    ordering: NotRequired[Literal["subscription"] | CreateSubscriptionOrdering1 | None]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[CreateSubscriptionRetry | CreateSubscriptionRetry1 | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class CreatedSubscriptionOrdering1(TypedDict):
    key: str


class CreatedSubscriptionRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class CreatedSubscriptionRetry1(TypedDict):
    for_seconds: Decimal | float


class CreatedSubscription(TypedDict):
    id: str
    channel: str
    target_url: str
    event_types: list[str]
    description: str | None
    filter: dict[str, Any] | None
    versions: dict[str, int]
    headers: dict[str, str]
    signature: str
    ordering: Literal["subscription"] | CreatedSubscriptionOrdering1 | None
    timeout_seconds: Decimal | float | None
    retry: CreatedSubscriptionRetry | CreatedSubscriptionRetry1 | None
    max_in_flight: int | None
    rate: str | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: str | None
    created_utc: str
    updated_utc: str
    public_key: NotRequired[str | None]
    target: NotRequired[dict[str, Any] | None]
    name: NotRequired[str | None]
    holder: NotRequired[str | None]
    expires_utc: NotRequired[str | None]
    created_by: NotRequired[Maker | None]
    secret: NotRequired[str | None]
    warnings: NotRequired[list[str] | None]


class Deliveries(TypedDict):
    deliveries: list[DeliverySummary]
    next_cursor: str | None


class DeliveryDetail(TypedDict):
    id: str
    event_id: int
    event_type: str
    status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
    attempts: list[AttemptView]
    last_status_code: int | None
    next_attempt_utc: str | None
    next_attempt_by: NotRequired[Literal["schedule", "retry_after"] | None]
    updated_utc: str
    held_by: NotRequired[str | None]
    subscription_id: str


class DeliverySummary(TypedDict):
    id: str
    event_id: int
    event_type: str
    status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
    attempts: int
    last_status_code: int | None
    next_attempt_utc: str | None
    next_attempt_by: NotRequired[Literal["schedule", "retry_after"] | None]
    updated_utc: str
    held_by: NotRequired[str | None]


class Disabled(TypedDict):
    subscriptions_disabled: int


class DisconnectedView(TypedDict):
    subscriptions_disabled: int
    keys_revoked: int


class Envelope(TypedDict):
    id: int
    type: str
    createdUtc: str
    companyId: int
    payload: dict[str, Any]
    metadata: NotRequired[dict[str, Any] | None]
    companyRef: NotRequired[str | None]
    environment: NotRequired[Literal["test"] | None]


class EventPage(TypedDict):
    events: list[Envelope]
    next_cursor: str


class EventTypeDetail(TypedDict):
    type: str
    title: str
    description: str
    version: int
    versions: NotRequired[list[int] | None]
    schema_url: str
    deprecated: bool
    example: dict[str, Any]
    schema: dict[str, Any]


class EventTypeSummary(TypedDict):
    type: str
    title: str
    description: str
    version: int
    versions: NotRequired[list[int] | None]
    schema_url: str
    deprecated: bool
    example: dict[str, Any]


class EventTypes(TypedDict):
    event_types: list[EventTypeSummary]


class Explained(TypedDict):
    subscription_id: str
    channel: str
    created_by: Maker | None
    matched: bool
    reason: str
    state: str | None
    attempts: int
    next_attempt_utc: str | None
    next_attempt_by: NotRequired[Literal["schedule", "retry_after"] | None]
    delivery_id: str | None
    held_by: NotRequired[str | None]
    last_status_code: NotRequired[int | None]
    last_response: NotRequired[str | None]
    last_error: NotRequired[str | None]
    last_sent_twice: NotRequired[Literal[True] | None]
    disabled_reason: NotRequired[str | None]
    disabled_utc: NotRequired[str | None]


class Explanation(TypedDict):
    event_id: int
    subscriptions: list[Explained]


class Hook(TypedDict):
    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    channel: str
    status: Literal["active", "paused", "disabled"]
    created_utc: str


class HookRequestOrdering1(TypedDict):
    key: str


class HookRequestRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class HookRequestRetry1(TypedDict):
    for_seconds: Decimal | float


class HookRequest(TypedDict):
    target_url: NotRequired[str | None]
    hookUrl: NotRequired[str | None]
    url: NotRequired[str | None]
    event_type: NotRequired[str | None]
    event_types: NotRequired[list[str] | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    ordering: NotRequired[Literal["subscription"] | HookRequestOrdering1 | None]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[HookRequestRetry | HookRequestRetry1 | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class Hooks(TypedDict):
    hooks: list[Hook]
    count: int
    next_cursor: NotRequired[str]


class Inbox(TypedDict):
    quarantined: list[WaitingView]
    next_cursor: str | None


class KeyList(TypedDict):
    keys: list[KeyView]
    count: int


class KeyRequest(TypedDict):
    company_id: int | str
    name: str
    environment: NotRequired[Literal["live", "test"] | None]
    scopes: list[str]
    expires_utc: NotRequired[str | None]
    allowed_networks: NotRequired[list[str]]


class KeyRotation(TypedDict):
    overlap_seconds: NotRequired[int]


class KeyView(TypedDict):
    id: str
    company_id: int | None
    environment: NotRequired[Literal["test"] | None]
    name: str
    scopes: list[str]
    last4: str
    created_utc: str
    created_by: Maker | None
    last_used_utc: str | None
    revoked_utc: str | None
    expires_utc: str | None
    allowed_networks: list[str]


class LinkRequest(TypedDict):
    company_id: int | str
    name: NotRequired[str | None]
    scopes: NotRequired[list[str] | None]
    minutes: NotRequired[int | None]


class LinkView(TypedDict):
    url: str
    expires_utc: str
    created_by: Maker


class Maker(TypedDict):
    kind: str
    id: str | None


class Me(TypedDict):
    company_id: int | None
    environment: NotRequired[Literal["test"] | None]
    key_name: str
    scopes: list[str]


class NewApp(TypedDict):
    client_id: str
    name: str
    redirect_uris: list[str]
    scopes: list[str]
    public: bool
    jwks_uri: NotRequired[str | None]
    created_utc: str | None
    client_secret: str | None


class NewKey(TypedDict):
    id: str
    company_id: int | None
    environment: NotRequired[Literal["test"] | None]
    name: str
    scopes: list[str]
    last4: str
    created_utc: str
    created_by: Maker | None
    last_used_utc: str | None
    revoked_utc: str | None
    expires_utc: str | None
    allowed_networks: list[str]
    key: str


class PluginList(TypedDict):
    plugins: list[PluginView]
    count: int


class PluginView(TypedDict):
    name: str
    version: str | None
    state: Literal["active", "disabled", "failed"]
    error: str | None


class ProblemField(TypedDict):
    path: str
    message: str


class QuarantinedAnswer(TypedDict):
    quarantined: QuarantinedView


class QuarantinedItem(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"] | None]
    errors: list[ProblemField]
    created_utc: str
    index: int


class QuarantinedView(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"] | None]
    errors: list[ProblemField]
    created_utc: str


class Receipt(TypedDict):
    id: str
    company_id: int
    environment: NotRequired[Literal["test"] | None]
    status: str
    removed: dict[str, int]
    remaining: NotRequired[dict[str, int]]
    estimated_seconds: NotRequired[int | None]
    created_utc: str
    completed_utc: str | None


class RegisteredType(TypedDict):
    type: str
    revision: int
    title: str


class Registration(TypedDict):
    schema: dict[str, Any]
    type: str


class ReleaseCounts(TypedDict):
    released: int
    invalid: int
    next_cursor: str | None


class ReleaseRequest(TypedDict):
    type: str
    cursor: NotRequired[str | None]


class ReplayCount(TypedDict):
    matched: int
    complete: NotRequired[bool | None]


ReplayRequest = TypedDict(
    "ReplayRequest",
    {
        "from": "NotRequired[str | None]",
        "to": "NotRequired[str | None]",
        "event_types": "NotRequired[list[str] | None]",
        "versions": "NotRequired[dict[str, int] | None]",
        "only_failed": "NotRequired[bool]",
        "dry_run": "NotRequired[bool]",
    },
)


class ReplayView(TypedDict):
    id: str
    matched: int
    delivered: int
    status: Literal["running", "completed", "cancelled", "failed"]
    created_utc: str
    updated_utc: str


class Revision(TypedDict):
    schema: dict[str, Any]


class RotateSecret(TypedDict):
    overlap_seconds: NotRequired[int]


class RotatedSecret(TypedDict):
    secret: NotRequired[str | None]
    public_key: NotRequired[str | None]


class SearchesList(TypedDict):
    searches: list[ShownDefinition]
    count: int


class ShownDefinition(TypedDict):
    name: str
    title: str
    description: str
    method: str
    path: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    single: NotRequired[bool | None]


class SubscribeRequestOrdering1(TypedDict):
    key: str


class SubscribeRequestRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class SubscribeRequestRetry1(TypedDict):
    for_seconds: Decimal | float


class SubscribeRequest(TypedDict):
    channel: str
    target: NotRequired[dict[str, Any] | None]
    target_url: NotRequired[str | None]
    event_types: list[str]
    description: NotRequired[str | None]
    secret: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    start: NotRequired[str | None]
    signature: NotRequired[Literal["standard", "github", "stripe", "ed25519"]]
    ordering: NotRequired[Literal["subscription"] | SubscribeRequestOrdering1 | None]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[SubscribeRequestRetry | SubscribeRequestRetry1 | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class SubscribedHook(TypedDict):
    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    channel: str
    status: Literal["active", "paused", "disabled"]
    created_utc: str
    secret: str
    warnings: NotRequired[list[str] | None]


class SubscriptionViewOrdering1(TypedDict):
    key: str


class SubscriptionViewRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class SubscriptionViewRetry1(TypedDict):
    for_seconds: Decimal | float


class SubscriptionView(TypedDict):
    id: str
    channel: str
    target_url: str
    event_types: list[str]
    description: str | None
    filter: dict[str, Any] | None
    versions: dict[str, int]
    headers: dict[str, str]
    signature: str
    ordering: Literal["subscription"] | SubscriptionViewOrdering1 | None
    timeout_seconds: Decimal | float | None
    retry: SubscriptionViewRetry | SubscriptionViewRetry1 | None
    max_in_flight: int | None
    rate: str | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: str | None
    created_utc: str
    updated_utc: str
    public_key: NotRequired[str | None]
    target: NotRequired[dict[str, Any] | None]
    name: NotRequired[str | None]
    holder: NotRequired[str | None]
    expires_utc: NotRequired[str | None]
    created_by: NotRequired[Maker | None]


class Subscriptions(TypedDict):
    subscriptions: list[SubscriptionView]
    count: int
    next_cursor: NotRequired[str]


class TestAttempt(TypedDict):
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    duration_ms: int
    response_body: str | None
    error: str | None
    sent_twice: NotRequired[Literal[True] | None]


class TestEnvironmentRequest(TypedDict):
    limits: dict[str, int | None]


class TestEnvironmentView(TypedDict):
    limits: dict[str, int]
    own_limits: dict[str, int]


class TestEventRequest(TypedDict):
    type: str


class TreatmentRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class TreatmentRetry1(TypedDict):
    for_seconds: Decimal | float


class Treatment(TypedDict):
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[TreatmentRetry | TreatmentRetry1 | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class UpdateSubscriptionOrdering1(TypedDict):
    key: str


class UpdateSubscriptionRetry(TypedDict):
    schedule_seconds: list[Decimal | float]


class UpdateSubscriptionRetry1(TypedDict):
    for_seconds: Decimal | float


class UpdateSubscription(TypedDict):
    target_url: NotRequired[str | None]
    event_types: NotRequired[list[str] | None]
    description: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    status: NotRequired[Literal["active", "paused"] | None]
    catch_up: NotRequired[bool]
    ordering: NotRequired[Literal["subscription"] | UpdateSubscriptionOrdering1 | None]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[UpdateSubscriptionRetry | UpdateSubscriptionRetry1 | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class WaitingDetail(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"] | None]
    errors: list[ProblemField]
    created_utc: str
    version: int | None
    received_utc: str
    updated_utc: str
    payload: dict[str, Any]
    metadata: NotRequired[dict[str, Any] | None]


class WaitingView(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"] | None]
    errors: list[ProblemField]
    created_utc: str
    version: int | None
    received_utc: str
    updated_utc: str


class BatchRequest(TypedDict):
    events: list[EventRequest]


class EventRequest(TypedDict):
    type: Literal[
        "affiliate.created",
        "agreement.signed",
        "client.created",
        "client.status_changed",
        "document.uploaded",
        "invoice.created",
        "invoice.status_changed",
        "lead.created",
        "payment.failed",
        "payment.succeeded",
    ]
    payload: dict[str, Any]
    metadata: NotRequired[dict[str, Any] | None]
    companyId: NotRequired[int | str | None]
    createdUtc: NotRequired[str | None]
    version: NotRequired[int | None]
