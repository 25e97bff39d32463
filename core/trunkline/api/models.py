"""The models of requests and answers, as the API's documentation shows them."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, create_model

from trunkline.model.health import SubscriptionHealth
from trunkline.subscribing import options
from trunkline.subscribing.options import Member

Model = TypeVar("Model", bound=BaseModel)

_OF_THE_SOURCE = {"__firstlineno__"}
"""The attribute from which ``inspect`` finds the source of a class, from Python 3.13 on."""
EventId = Annotated[
    int, Field(description="position in the stream, and the deduplication key on every channel")
]
Utc = Annotated[str, Field(description="ISO 8601 UTC time", json_schema_extra={"format": "date-time"})]


class Strict(BaseModel):
    """A request body: an unknown field is refused, and no value is taken for another type's."""

    model_config = ConfigDict(extra="forbid", strict=True)


SentTwice = Annotated[
    Literal[True] | None,
    Field(
        description="`true` if a kept-alive connection closed while the request was sent, so that the attempt sent it again; "
        "absent otherwise"
    ),
]
InTest = Annotated[
    Literal["test"] | None,
    Field(description="`test` in the company's test environment; absent otherwise"),
]


class Envelope(BaseModel):
    """An event as every channel carries it."""

    id: EventId
    type: str = Field(description="event type, such as `client.created`")
    createdUtc: Utc  # noqa: N815 - the keys of an envelope are camelCase
    companyId: int  # noqa: N815
    payload: dict[str, Any] = Field(description="data in the form of the type's JSON Schema")
    metadata: dict[str, Any] | None = Field(default=None, description="absent when empty")
    companyRef: str | None = Field(  # noqa: N815
        default=None,
        description="the company's reference when the event was accepted; absent if it had none",
    )
    environment: InTest = None


class EventRequest(Strict):
    """An event to be accepted."""

    type: str = Field(description="a registered event type")
    payload: dict[str, Any] = Field(
        description="data in the form of the type's JSON Schema; numbers keep their digits"
    )
    metadata: dict[str, Any] | None = None
    companyId: int | str | None = Field(  # noqa: N815
        default=None, description="for operator keys: the company of the event, by its id or its reference"
    )
    createdUtc: Utc | None = Field(default=None, description="when it happened; now, if absent")  # noqa: N815
    version: int | None = Field(
        default=None,
        description="version of the type to which the payload conforms; the current one, if absent",
    )


class BatchRequest(Strict):
    """Events to be accepted, all or none."""

    events: list[EventRequest] = Field(min_length=1, max_length=1000)


class EventPage(BaseModel):
    """Events in stream order."""

    events: list[Envelope]
    next_cursor: str = Field(description="always present; the next page begins right after the last item")


class TestEventRequest(Strict):
    """The event type whose example to emit."""

    __test__ = False
    type: str = Field(description="a registered event type")


class EventTypeSummary(BaseModel):
    """One event type."""

    type: str
    title: str
    description: str
    version: int = Field(description="the current one")
    versions: list[int] | None = Field(
        default=None, description="all versions that can be read, oldest first; absent if there is only one"
    )
    schema_url: str
    deprecated: bool
    operational: bool = Field(
        description="true if the hub itself emits it; part of `operational.*`, but not of `*`"
    )
    example: dict[str, Any]


class EventTypeDetail(EventTypeSummary):
    """One event type with its JSON Schema."""

    payload_schema: dict[str, Any] = Field(
        alias="schema", description="JSON Schema (draft 2020-12) of the payload"
    )


class EventTypeList(BaseModel):
    """Every registered event type."""

    event_types: list[EventTypeSummary]
    next_cursor: str | None = Field(description="null on the last page")


NextAttemptBy = Annotated[
    Literal["schedule", "retry_after"] | None,
    Field(
        description="for a retry: whether its time comes from the retry schedule or from the target's `Retry-After`"
    ),
]


class Maker(BaseModel):
    """The maker of a key, a subscription, a link or a connection."""

    kind: str = Field(
        description="`key`, `app` (a connection), `link` (a sign-in link), `person`, `operator`, or `token` of a plugin"
    )
    id: str | None = Field(description="its id; null for the command line")


class SubscriptionExplanation(BaseModel):
    """The result of an event for one subscription."""

    subscription_id: str
    channel: str
    created_by: Maker | None
    matched: bool
    reason: str
    state: str | None
    attempts: int
    next_attempt_utc: Utc | None
    next_attempt_by: NextAttemptBy = None
    delivery_id: str | None
    held_by: str | None = Field(
        default=None,
        description="for a held delivery: the earlier delivery of the same order that it waits for",
    )
    last_status_code: int | None = Field(
        default=None,
        description="status code of the answer to the last attempt, null if it got none; absent before the first attempt",
    )
    last_response: str | None = Field(
        default=None,
        description="first line of the body of the last answer, up to 200 characters, or null; the subscription's headers and secrets are masked",
    )
    last_error: str | None = Field(
        default=None, description="why the last attempt got no answer; null if it got one"
    )
    last_sent_twice: SentTwice = None
    disabled_reason: str | None = Field(
        default=None,
        description="for a disabled subscription: `gone`, `failing`, `unreadable`, `lapsed` or `disconnected`",
    )
    disabled_utc: Utc | None = Field(
        default=None, description="for a disabled subscription: the time at which it was disabled"
    )


def with_fields(
    members: Mapping[str, Member], *, after: str | None = None
) -> Callable[[type[Model]], type[Model]]:
    """Decorate a model: add a field for each of *members* after the field *after*, or at the end if *after* is None."""

    def extend(model: type[Model]) -> type[Model]:
        own: dict[str, Any] = {name: (field.annotation, field) for name, field in model.model_fields.items()}
        names = list(own)
        count = len(names) if after is None else names.index(after) + 1
        fields: dict[str, Any] = {
            **{name: own[name] for name in names[:count]},
            **members,
            **{name: own[name] for name in names[count:]},
        }
        extended = create_model(
            model.__name__,
            __base__=model.__base__,
            __module__=model.__module__,
            __doc__=model.__doc__,
            **fields,
        )
        for name in _OF_THE_SOURCE & vars(model).keys():
            setattr(extended, name, vars(model)[name])
        return cast("type[Model]", extended)

    return extend


@with_fields(options.members_of_creation())
class CreateWebhookSubscription(Strict):
    """A new subscription."""


@with_fields(options.members_of_change())
class UpdateSubscription(Strict):
    """A change of a subscription; absent members stay as they are."""


@with_fields(options.members_of_creation_by_name())
class CreateSubscription(Strict):
    """A new subscription on a channel that declares its targets, or that posts to a URL."""

    channel: str = Field(
        description="a channel that declares its targets (`GET /api/v1/channels`), or that posts to a URL, such as `webhooks`"
    )


@with_fields(options.members_of_view(), after="p95_ms_24h")
class SubscriptionView(BaseModel):
    """A subscription, without its secret."""

    id: str
    channel: str
    health: SubscriptionHealth = Field(default=SubscriptionHealth.IDLE, description="state of its deliveries")
    failing_since: str | None = Field(
        default=None,
        description="when it began to fail; null if it does not",
        json_schema_extra={"format": "date-time"},
    )
    success_rate_24h: float | None = Field(
        default=None,
        description="share of successful attempts in the last 24 hours; null if there were none",
    )
    p95_ms_24h: int | None = Field(
        default=None,
        description="95th percentile of the duration of successful attempts in the last 24 hours, in ms, rounded up; "
        "null if there were none",
    )
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None
    disabled_utc: Utc | None
    created_utc: Utc
    updated_utc: Utc
    public_key: str | None = Field(
        default=None, description="for `ed25519` only; null if its secret cannot be read"
    )
    target: dict[str, Any] | None = Field(
        default=None, description="on a channel that declares its targets; secrets are masked"
    )
    name: str | None = Field(
        default=None, description="the channel's own name for the subscription, if there is one"
    )
    holder: str | None = Field(default=None, description="the holder that renews it, if one does")
    expires_utc: Utc | None = Field(
        default=None, description="when it lapses unless it is renewed; null if it never does"
    )
    created_by: Maker | None = Field(description="who made it, or set its present target; null if unknown")


class CreatedSubscription(SubscriptionView):
    """A new subscription with its secret, which is not shown again."""

    secret: str | None = Field(default=None, description="`whsec_…`; shown only here and on rotation")
    warnings: list[str] | None = Field(
        default=None,
        description="faults of the target, such as a name that does not resolve; absent if there are none",
    )


class UpdatedSubscription(SubscriptionView):
    """A subscription after a change."""

    warnings: list[str] | None = Field(
        default=None,
        description="faults of a new target, such as a name that does not resolve; absent if there are none",
    )


class SubscriptionList(BaseModel):
    """A company's subscriptions, oldest first."""

    subscriptions: list[SubscriptionView]
    count: int
    next_cursor: str | None = Field(description="null on the last page")


@with_fields(options.members_of_change((options.TARGET, *options.OPTIONS)))
class ChangeSubscription(Strict):
    """A change: status, order and pace on any channel; the other members if the channel declares targets or posts to URLs."""


class RotateSecret(Strict):
    """The rotation of a signing secret."""

    overlap_seconds: int = Field(
        default=86_400, ge=0, le=30 * 86_400, description="how long the old secret signs beside the new one"
    )
    secret: str | None = Field(
        default=None, description="your own new secret, as for a new subscription; one is made if absent"
    )


class RotatedSecret(BaseModel):
    """The new secret, or the new public key of an `ed25519` subscription."""

    secret: str | None = Field(default=None, description="`whsec_…`; shown only here")
    public_key: str | None = Field(default=None, description="`whpk_…`, for `ed25519` only")


class TestAttempt(BaseModel):
    """The result of a test delivery."""

    __test__ = False
    outcome: Literal["delivered", "retry", "rejected", "gone"] = Field(description="result of the attempt")
    status_code: int | None = Field(description="status code of the answer, if the target speaks HTTP")
    duration_ms: int = Field(description="duration of the attempt")
    response_body: str | None = Field(description="body of the target's answer, up to 1,024 characters")
    error: str | None = Field(description="the error, as the delivery log shows it")
    sent_twice: SentTwice = None


class ChannelView(BaseModel):
    """A channel that runs."""

    name: str
    title: str
    description: str
    target_schema: dict[str, Any] | None = Field(
        default=None,
        description="JSON Schema of its targets, if it declares them; members with `writeOnly` are secret",
    )
    target_example: dict[str, Any] | None = None
    instructions: str | None = Field(
        default=None, description="Markdown that tells people where they find what its targets ask for"
    )
    icon: str | None = Field(default=None, description="an SVG element")


class ChannelList(BaseModel):
    """The channels that run, by name."""

    channels: list[ChannelView]
    count: int
    next_cursor: str | None = Field(description="null on the last page")
