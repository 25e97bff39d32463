"""The bodies of the API's calls and answers. Made by ``clients/python/generate.py`` from the OpenAPI document."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired


class UpdateQuarantinedEventBody(TypedDict):
    payload: dict[str, Any]


class ReleaseQuarantinedEventBody(TypedDict):
    payload: dict[str, Any]


class AcceptedBatch(TypedDict):
    events: list[Envelope]
    quarantined: NotRequired[list[QuarantinedItem]]


class ActionList(TypedDict):
    actions: list[ShownDefinition]
    count: int
    next_cursor: str | None


class AlertPreview(TypedDict):
    event_type: str
    severity: Literal["info", "warning", "error", "critical"]
    subject: str
    body: str


class AlertPreviews(TypedDict):
    alerts: list[AlertPreview]
    count: int


class AlertTest(TypedDict):
    outcome: Literal["delivered", "retry"]
    error: str | None
    answer: str | None


class AlertsView(TypedDict):
    alert_recipients: list[str]
    digest: bool
    has_mail_server: bool


class AppList(TypedDict):
    apps: list[AppView]
    count: int
    next_cursor: str | None


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
    jwks_uri: NotRequired[str]
    created_utc: str | None


class AttemptView(TypedDict):
    number: int
    started_utc: str
    duration_ms: int
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    response_body: str | None
    error: str | None
    sent_twice: NotRequired[bool]


class AuditEntry(TypedDict):
    id: int
    at_utc: str
    actor: str
    action: str
    target: str
    company_id: int | None
    environment: NotRequired[Literal["test"]]
    from_address: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


class AuditEntryList(TypedDict):
    entries: list[AuditEntry]
    next_cursor: str | None


class BatchRequest(TypedDict):
    events: list[EventRequest]


class ChangeAlerts(TypedDict):
    alert_recipients: NotRequired[list[str] | None]
    digest: NotRequired[bool | None]


class ChangeApp(TypedDict):
    name: NotRequired[str]
    redirect_uris: NotRequired[list[str]]
    jwks: NotRequired[dict[str, Any]]
    jwks_uri: NotRequired[str]


class ChangeSubscription(TypedDict):
    target: NotRequired[dict[str, Any] | None]
    target_url: NotRequired[str | None]
    event_types: NotRequired[list[str] | None]
    description: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    status: NotRequired[Literal["active", "paused"] | None]
    catch_up: NotRequired[bool]
    ordering: NotRequired[Ordering]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[Retry | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class ChannelList(TypedDict):
    channels: list[ChannelView]
    count: int
    next_cursor: str | None


class ChannelView(TypedDict):
    name: str
    title: str
    description: str
    target_schema: NotRequired[dict[str, Any]]
    target_example: NotRequired[dict[str, Any]]
    instructions: NotRequired[str]
    icon: NotRequired[str]


class CompanyList(TypedDict):
    companies: list[CompanyView]
    next_cursor: str | None


class CompanyRequest(TypedDict):
    reference: NotRequired[str | None]
    name: NotRequired[str | None]
    limits: NotRequired[dict[str, int | None] | None]
    delivery: NotRequired[DeliveryDefaults | None]
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
    delivery: DeliveryDefaults
    test: TestEnvironmentView
    time_zone: str | None
    metadata: dict[str, Any]
    alert_recipients: list[str]
    created_utc: str | None
    updated_utc: str | None


class ConnectionList(TypedDict):
    connections: list[ConnectionView]
    count: int
    next_cursor: str | None


class ConnectionView(TypedDict):
    id: str
    client_id: str
    app: str
    company_id: int
    environment: NotRequired[Literal["test"]]
    scopes: list[str]
    granted_by: str
    created_by: Maker | None
    belongs_to_company: bool
    allowed_networks: list[str]
    created_utc: str
    last_used_utc: str | None
    expires_utc: str | None


class ConsumerCommit(TypedDict):
    cursor: str
    lease: NotRequired[str]


class ConsumerList(TypedDict):
    consumers: list[ConsumerView]
    next_cursor: str | None


class ConsumerRequest(TypedDict):
    event_types: NotRequired[list[str] | None]
    filter: NotRequired[dict[str, Any] | None]
    start: NotRequired[str | None]


class ConsumerSeek(TypedDict):
    cursor: NotRequired[str]
    time: NotRequired[str]


class ConsumerView(TypedDict):
    name: str
    cursor: str
    lag: int
    lag_is_least: bool
    leases: int
    is_expired: bool
    event_types: list[str]
    filter: dict[str, Any] | None
    created_utc: str
    updated_utc: str
    committed_utc: str | None


class CreateSubscription(TypedDict):
    channel: str
    target: NotRequired[dict[str, Any]]
    target_url: NotRequired[str]
    event_types: list[str]
    description: NotRequired[str]
    secret: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    filter: NotRequired[dict[str, Any]]
    versions: NotRequired[dict[str, int]]
    start: NotRequired[str]
    signature: NotRequired[Literal["standard", "github", "stripe", "ed25519"]]
    ordering: NotRequired[Ordering]
    timeout_seconds: NotRequired[Decimal | float]
    retry: NotRequired[Retry]
    max_in_flight: NotRequired[int]
    rate: NotRequired[str]


class CreateWebhookSubscription(TypedDict):
    target_url: str
    event_types: list[str]
    description: NotRequired[str]
    secret: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    filter: NotRequired[dict[str, Any]]
    versions: NotRequired[dict[str, int]]
    start: NotRequired[str]
    signature: NotRequired[Literal["standard", "github", "stripe", "ed25519"]]
    ordering: NotRequired[Ordering]
    timeout_seconds: NotRequired[Decimal | float]
    retry: NotRequired[Retry]
    max_in_flight: NotRequired[int]
    rate: NotRequired[str]


class CreatedSubscription(TypedDict):
    id: str
    channel: str
    health: NotRequired[SubscriptionHealth]
    failing_since: NotRequired[str | None]
    success_rate_24h: NotRequired[Decimal | float | None]
    p95_ms_24h: NotRequired[int | None]
    target_url: str
    event_types: list[str]
    description: str | None
    filter: dict[str, Any] | None
    versions: dict[str, int]
    headers: dict[str, str]
    signature: str
    ordering: Ordering
    timeout_seconds: Decimal | float | None
    retry: Retry | None
    max_in_flight: int | None
    rate: str | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: str | None
    created_utc: str
    updated_utc: str
    public_key: NotRequired[str | None]
    target: NotRequired[dict[str, Any]]
    name: NotRequired[str]
    holder: NotRequired[str]
    expires_utc: NotRequired[str | None]
    created_by: Maker | None
    secret: NotRequired[str]
    warnings: NotRequired[list[str]]


class DeliveryDefaults(TypedDict):
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[Retry | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class DeliveryDetail(TypedDict):
    id: str
    event_id: int
    event_type: str
    status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
    attempts: list[AttemptView]
    last_status_code: int | None
    next_attempt_utc: str | None
    next_attempt_by: NotRequired[Literal["schedule", "retry_after"]]
    updated_utc: str
    held_by: NotRequired[str]
    subscription_id: str


class DeliveryList(TypedDict):
    deliveries: list[DeliverySummary]
    next_cursor: str | None


class DeliverySummary(TypedDict):
    id: str
    event_id: int
    event_type: str
    status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
    attempts: int
    last_status_code: int | None
    next_attempt_utc: str | None
    next_attempt_by: NotRequired[Literal["schedule", "retry_after"]]
    updated_utc: str
    held_by: NotRequired[str]


DigestRange = TypedDict(
    "DigestRange",
    {"from": "str", "to": "str", "after_id": "int", "last_id": "int", "count": "int", "digest": "str"},
)


class DisabledSubscriptions(TypedDict):
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
    metadata: NotRequired[dict[str, Any]]
    companyRef: NotRequired[str]
    environment: NotRequired[Literal["test"]]


class ErasureReceipt(TypedDict):
    id: str
    company_id: int
    environment: NotRequired[Literal["test"]]
    status: str
    removed: dict[str, int]
    remaining: NotRequired[dict[str, int]]
    estimated_seconds: NotRequired[int | None]
    created_utc: str
    completed_utc: str | None


EventDigest = TypedDict(
    "EventDigest",
    {
        "from": "str",
        "to": "str",
        "after_id": "int",
        "last_id": "int",
        "count": "int",
        "digest": "str",
        "more": "bool",
        "ranges": "NotRequired[list[DigestRange]]",
    },
)


class EventExplanation(TypedDict):
    event_id: int
    subscriptions: list[SubscriptionExplanation]
    consumers: list[ReadBy]


class EventPage(TypedDict):
    events: list[Envelope]
    next_cursor: str


class EventRequest(TypedDict):
    type: str
    payload: dict[str, Any]
    metadata: NotRequired[dict[str, Any]]
    companyId: NotRequired[int | str]
    createdUtc: NotRequired[str]
    version: NotRequired[int]


class EventTypeChange(TypedDict):
    schema: dict[str, Any]


class EventTypeDetail(TypedDict):
    type: str
    title: str
    description: str
    version: int
    versions: NotRequired[list[int]]
    schema_url: str
    deprecated: bool
    operational: bool
    example: dict[str, Any]
    schema: dict[str, Any]


class EventTypeList(TypedDict):
    event_types: list[EventTypeSummary]
    next_cursor: str | None


class EventTypeRequest(TypedDict):
    schema: dict[str, Any]
    type: str


class EventTypeSummary(TypedDict):
    type: str
    title: str
    description: str
    version: int
    versions: NotRequired[list[int]]
    schema_url: str
    deprecated: bool
    operational: bool
    example: dict[str, Any]


class Hook(TypedDict):
    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    channel: str
    status: Literal["active", "paused", "disabled"]
    created_utc: str


class HookList(TypedDict):
    hooks: list[Hook]
    count: int
    next_cursor: str | None


class HookRequest(TypedDict):
    target_url: NotRequired[str]
    hookUrl: NotRequired[str]
    url: NotRequired[str]
    event_type: NotRequired[str]
    event_types: NotRequired[list[str]]
    filter: NotRequired[dict[str, Any]]
    versions: NotRequired[dict[str, int]]
    ordering: NotRequired[Ordering]
    timeout_seconds: NotRequired[Decimal | float]
    retry: NotRequired[Retry]
    max_in_flight: NotRequired[int]
    rate: NotRequired[str]


class InterestView(TypedDict):
    type: str
    is_wanted: bool
    subscriptions: int
    consumers: int


class KeyList(TypedDict):
    keys: list[KeyView]
    count: int
    next_cursor: str | None


class KeyRequest(TypedDict):
    company_id: int | str
    name: str
    environment: NotRequired[Literal["live", "test"]]
    scopes: list[str]
    expires_utc: NotRequired[str]
    allowed_networks: NotRequired[list[str]]


class KeyRotation(TypedDict):
    overlap_seconds: NotRequired[int]


class KeyView(TypedDict):
    id: str
    company_id: int | None
    environment: NotRequired[Literal["test"]]
    name: str
    scopes: list[str]
    last4: str
    created_utc: str
    created_by: Maker | None
    last_used_utc: str | None
    revoked_utc: str | None
    expires_utc: str | None
    allowed_networks: list[str]


class LeasedEvents(TypedDict):
    events: list[Envelope]
    cursor: str
    lease: str | None


class LinkRequest(TypedDict):
    company_id: int | str
    name: NotRequired[str]
    scopes: NotRequired[list[str]]
    minutes: NotRequired[int]


class LinkView(TypedDict):
    url: str
    expires_utc: str
    created_by: Maker


class LookupList(TypedDict):
    lookups: list[ShownDefinition]
    count: int
    next_cursor: str | None


class Maker(TypedDict):
    kind: str
    id: str | None


class Me(TypedDict):
    company_id: int | None
    environment: NotRequired[Literal["test"]]
    key_name: str
    scopes: list[str]


class NewApp(TypedDict):
    client_id: str
    name: str
    redirect_uris: list[str]
    scopes: list[str]
    public: bool
    jwks_uri: NotRequired[str]
    created_utc: str | None
    client_secret: str | None


class NewKey(TypedDict):
    id: str
    company_id: int | None
    environment: NotRequired[Literal["test"]]
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


Ordering: TypeAlias = "Literal['subscription'] | OrderingKey | None"


class OrderingKey(TypedDict):
    key: str


class PluginList(TypedDict):
    plugins: list[PluginView]
    count: int
    next_cursor: str | None


class PluginView(TypedDict):
    name: str
    version: str | None
    state: Literal["active", "disabled", "failed"]
    error: str | None


class ProblemField(TypedDict):
    path: str
    message: str


class PublicKeys(TypedDict):
    keys: list[dict[str, str]]


class QuarantineReceipt(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"]]
    errors: list[ProblemField]
    created_utc: str


class QuarantinedAnswer(TypedDict):
    quarantined: QuarantineReceipt


class QuarantinedEventDetail(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"]]
    errors: list[ProblemField]
    created_utc: str
    version: int | None
    received_utc: str
    updated_utc: str
    payload: dict[str, Any]
    metadata: NotRequired[dict[str, Any]]


class QuarantinedEventList(TypedDict):
    quarantined: list[QuarantinedEventView]
    next_cursor: str | None


class QuarantinedEventView(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"]]
    errors: list[ProblemField]
    created_utc: str
    version: int | None
    received_utc: str
    updated_utc: str


class QuarantinedItem(TypedDict):
    id: str
    type: str
    company_id: int
    environment: NotRequired[Literal["test"]]
    errors: list[ProblemField]
    created_utc: str
    index: int


class ReadBy(TypedDict):
    name: str
    state: Literal["committed", "leased", "unread"]


class RegisteredType(TypedDict):
    type: str
    revision: int
    title: str


class ReleaseCounts(TypedDict):
    released: int
    invalid: int
    next_cursor: str | None


class ReleaseRequest(TypedDict):
    type: str
    cursor: NotRequired[str]


class ReplayCount(TypedDict):
    matched: int
    complete: NotRequired[bool]


ReplayRequest = TypedDict(
    "ReplayRequest",
    {
        "from": "NotRequired[str]",
        "to": "NotRequired[str]",
        "event_types": "NotRequired[list[str]]",
        "versions": "NotRequired[dict[str, int]]",
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


class Retry(TypedDict):
    schedule_seconds: NotRequired[list[Decimal | float]]
    for_seconds: NotRequired[Decimal | float]


class RotateSecret(TypedDict):
    overlap_seconds: NotRequired[int]
    secret: NotRequired[str]


class RotatedSecret(TypedDict):
    secret: NotRequired[str]
    public_key: NotRequired[str]


class SearchList(TypedDict):
    searches: list[ShownDefinition]
    count: int
    next_cursor: str | None


class ShownDefinition(TypedDict):
    name: str
    title: str
    description: str
    method: str
    path: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    items: NotRequired[str]
    single: NotRequired[bool]


class SubscribedHook(TypedDict):
    id: str
    target_url: str
    event_types: list[str]
    filter: dict[str, Any] | None
    channel: str
    status: Literal["active", "paused", "disabled"]
    created_utc: str
    secret: str
    warnings: NotRequired[list[str]]


class SubscriptionExplanation(TypedDict):
    subscription_id: str
    channel: str
    created_by: Maker | None
    matched: bool
    reason: str
    state: str | None
    attempts: int
    next_attempt_utc: str | None
    next_attempt_by: NotRequired[Literal["schedule", "retry_after"]]
    delivery_id: str | None
    held_by: NotRequired[str]
    last_status_code: NotRequired[int | None]
    last_response: NotRequired[str | None]
    last_error: NotRequired[str | None]
    last_sent_twice: NotRequired[bool]
    disabled_reason: NotRequired[str]
    disabled_utc: NotRequired[str]


SubscriptionHealth: TypeAlias = "Literal['delivering', 'retrying', 'failing', 'idle', 'paused', 'disabled']"


class SubscriptionList(TypedDict):
    subscriptions: list[SubscriptionView]
    count: int
    next_cursor: str | None


class SubscriptionView(TypedDict):
    id: str
    channel: str
    health: NotRequired[SubscriptionHealth]
    failing_since: NotRequired[str | None]
    success_rate_24h: NotRequired[Decimal | float | None]
    p95_ms_24h: NotRequired[int | None]
    target_url: str
    event_types: list[str]
    description: str | None
    filter: dict[str, Any] | None
    versions: dict[str, int]
    headers: dict[str, str]
    signature: str
    ordering: Ordering
    timeout_seconds: Decimal | float | None
    retry: Retry | None
    max_in_flight: int | None
    rate: str | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: str | None
    created_utc: str
    updated_utc: str
    public_key: NotRequired[str | None]
    target: NotRequired[dict[str, Any]]
    name: NotRequired[str]
    holder: NotRequired[str]
    expires_utc: NotRequired[str | None]
    created_by: Maker | None


class TestAttempt(TypedDict):
    outcome: Literal["delivered", "retry", "rejected", "gone"]
    status_code: int | None
    duration_ms: int
    response_body: str | None
    error: str | None
    sent_twice: NotRequired[bool]


class TestEnvironmentRequest(TypedDict):
    limits: dict[str, int | None]


class TestEnvironmentView(TypedDict):
    limits: dict[str, int]
    own_limits: dict[str, int]


class TestEventRequest(TypedDict):
    type: str


class UpdateSubscription(TypedDict):
    target_url: NotRequired[str | None]
    event_types: NotRequired[list[str] | None]
    description: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]
    filter: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, int] | None]
    status: NotRequired[Literal["active", "paused"] | None]
    catch_up: NotRequired[bool]
    ordering: NotRequired[Ordering]
    timeout_seconds: NotRequired[Decimal | float | None]
    retry: NotRequired[Retry | None]
    max_in_flight: NotRequired[int | None]
    rate: NotRequired[str | None]


class UpdatedSubscription(TypedDict):
    id: str
    channel: str
    health: NotRequired[SubscriptionHealth]
    failing_since: NotRequired[str | None]
    success_rate_24h: NotRequired[Decimal | float | None]
    p95_ms_24h: NotRequired[int | None]
    target_url: str
    event_types: list[str]
    description: str | None
    filter: dict[str, Any] | None
    versions: dict[str, int]
    headers: dict[str, str]
    signature: str
    ordering: Ordering
    timeout_seconds: Decimal | float | None
    retry: Retry | None
    max_in_flight: int | None
    rate: str | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: str | None
    created_utc: str
    updated_utc: str
    public_key: NotRequired[str | None]
    target: NotRequired[dict[str, Any]]
    name: NotRequired[str]
    holder: NotRequired[str]
    expires_utc: NotRequired[str | None]
    created_by: Maker | None
    warnings: NotRequired[list[str]]
