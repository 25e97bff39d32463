"""The options of a subscription, each declared once.

A declaration has the members of requests and answers (also for OpenAPI), the checks, the columns, and the view. An option
without special behaviour is declared with ``plain`` and needs four more changes:

1. a migration that adds its column, nullable, at the end of ``subscriptions``;
2. the column in ``store/tables.py``; its type says how it is read (``JSON(none_as_null=True)`` for an object);
3. a field of ``model.subscriptions.Subscription`` with the same name and a default, which is also used for a null;
4. the code that reads the field.

If a platform subscribes again with other values of such options, the existing hook is returned (``changes``).

Options that depend on each other are checked and stored together in ``changes``: event types, their versions and the filter;
secrets and headers, which are encrypted together; the status.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import orjson
from msgspec import Struct
from pydantic import Field

from trunkline.contract.targets import MASK
from trunkline.model.subscriptions import Subscription
from trunkline.subscribing import checks, orderings, paces
from trunkline.subscribing.checks import Check
from trunkline.targets.signatures import MAX_HEADERS

Member = tuple[Any, Any]
"""A field of an HTTP model, as ``pydantic.create_model`` expects it: the annotation, and the default or ``Field``."""

Scheme = Annotated[
    Literal["standard", "github", "stripe", "ed25519"],
    Field(description="how pushes are signed; `standard` follows the Standard Webhooks specification"),
]
EventTypeNames = Annotated[
    list[str],
    Field(
        max_length=checks.MAX_EVENT_TYPES,
        description='event types, groups of them such as `client.*`, which include types that are defined later, or `["*"]` for all',
        examples=[["client.created", "payment.failed"]],
    ),
]
Filter = Annotated[
    dict[str, Any],
    Field(description="conditions on the payload", examples=[{"payload.amount": {"gte": 100}}]),
]
Headers = Annotated[
    dict[str, str],
    Field(
        max_length=MAX_HEADERS, description="headers to send with every push; values are never shown again"
    ),
]
Versions = Annotated[
    dict[str, int],
    Field(
        max_length=checks.MAX_VERSIONS,
        description="version to send of each event type; the versions that were current when the subscription was made, if absent",
        examples=[{"invoice.created": 1}],
    ),
]
Description = (str | None, Field(default=None, max_length=checks.MAX_DESCRIPTION))


def json_or_none(value: Any) -> str | None:
    """Encode a value as JSON; None stays None."""
    return None if value is None else orjson.dumps(value).decode()


class Option(Struct, frozen=True, kw_only=True):
    """One option of a subscription: the requests that accept it, and how it is checked, stored and shown.

    *creation*, *change* and *hook* define the option's member in three kinds of requests: those that create a
    subscription, change one, or create one through a REST hook. *view* defines its member in answers. None means that
    there is no such member.
    """

    name: str
    creation: Member | None = None
    change: Member | None = None
    hook: Member | None = None
    view: Member | None = None
    check: Check = lambda _value, _context: []
    """Lists the faults of the option's value; none for a value that is checked later together with others."""
    is_required: bool = False
    """Whether a subscription cannot be created without it."""
    is_removable: bool = True
    """Whether a change may set the option to null, which means the default."""
    is_common: bool = False
    """Whether the core's route can change it on every channel; if not, only the routes of a channel can."""
    column: str | None = None
    """The column of the option; None if it is stored together with others."""
    write: Callable[[Any], Any] = lambda value: value
    """Converts the option's value (None if absent) to the value of its column."""
    show: Callable[[Subscription, Mapping[str, int]], Any] | None = None
    """Computes the shown value from a subscription and its versions. If None, the field with the option's name is shown."""


def plain(name: str, annotation: Any, check: Check) -> Option:
    """Declare an option without special behaviour, which every channel accepts in creations and changes.

    The option is stored in the column with its name, and is shown as stored. *annotation* describes the option
    (``Annotated`` with a ``Field``); null means the default.
    """
    optional = (annotation | None, None)
    return Option(
        name=name,
        creation=optional,
        change=optional,
        hook=optional,
        view=(annotation, ...),
        check=check,
        is_common=True,
        column=name,
    )


OPTIONS: Sequence[Option] = (
    Option(
        name="target_url",
        creation=(
            str,
            Field(
                description="URL to which events are pushed", examples=["https://example.com/hooks/trunkline"]
            ),
        ),
        change=(str | None, None),
        view=(str, ...),
        check=checks.check_target_url,
        is_required=True,
        is_removable=False,
        column="target_url",
    ),
    Option(
        name="event_types",
        creation=(EventTypeNames, ...),
        change=(EventTypeNames | None, None),
        view=(list[str], ...),
        check=checks.check_event_types,
        is_required=True,
        is_removable=False,
        column="event_types",
        write=lambda names: json_or_none(list(dict.fromkeys(names))),
        show=lambda subscription, _: list(subscription.event_types),
    ),
    Option(
        name="description",
        creation=Description,
        change=Description,
        view=(str | None, ...),
        check=checks.check_description,
        column="description",
    ),
    Option(
        name="secret",
        creation=(
            str | None,
            Field(
                default=None,
                description="your own `whsec_…` secret, or the `whsk_…` private key for `ed25519`; one is made if absent",
            ),
        ),
        check=checks.check_secret,
    ),
    Option(
        name="headers",
        creation=(Headers | None, None),
        change=(Headers | None, None),
        view=(
            dict[str, str],
            Field(description="headers that are sent with every push; values are masked"),
        ),
        check=checks.check_headers,
        show=lambda subscription, _: dict.fromkeys(subscription.headers, MASK),
    ),
    Option(
        name="filter",
        creation=(Filter | None, None),
        change=(Filter | None, None),
        hook=(
            dict[str, Any] | None,
            Field(
                default=None,
                description="conditions on the payload",
                examples=[{"payload.amount": {"gte": 100}}],
            ),
        ),
        view=(dict[str, Any] | None, ...),
        column="filter",
        write=json_or_none,
    ),
    Option(
        name="versions",
        creation=(Versions | None, None),
        change=(Versions | None, None),
        hook=(
            Versions | None,
            Field(
                default=None,
                description="version to push of each event type; the current one, if absent",
                examples=[{"invoice.created": 1}],
            ),
        ),
        view=(
            dict[str, int],
            Field(description="the version that it gets of each event type with several versions"),
        ),
        check=checks.check_versions,
        show=lambda _, versions: dict(versions),
    ),
    Option(
        name="start",
        creation=(
            str | None,
            Field(
                default=None,
                description="`now` (default), `earliest`, a cursor of `GET /api/v1/events`, or an ISO 8601 time",
            ),
        ),
    ),
    Option(
        name="signature",
        creation=(Scheme, "standard"),
        view=(str, ...),
        check=checks.check_signature,
        column="signature",
        write=lambda scheme: scheme or "standard",
    ),
    Option(
        name="status",
        change=(Literal["active", "paused"] | None, None),
        is_removable=False,
        is_common=True,
    ),
    Option(
        name="catch_up",
        change=(bool, Field(default=True, description="when resuming: deliver the missed events")),
        is_common=True,
    ),
    plain("ordering", orderings.Ordering, orderings.check_ordering),
    plain("timeout_seconds", paces.Timeout, paces.check_of("timeout_seconds")),
    plain("retry", paces.Retry, paces.check_of("retry")),
    plain("max_in_flight", paces.MaxInFlight, paces.check_of("max_in_flight")),
    plain("rate", paces.RateText, paces.check_of("rate")),
)
"""Every option, in the order of the members of requests."""

TARGET = Option(
    name="target",
    creation=(
        dict[str, Any],
        Field(description="the target of the events, with the channel's members (`GET /api/v1/channels`)"),
    ),
    change=(
        dict[str, Any] | None,
        Field(
            default=None,
            description="changes of the target; a member that is absent, or sent back masked, keeps its value",
        ),
    ),
    check=checks.check_target,
    is_required=True,
    is_removable=False,
)
"""The target on a channel that declares its targets. It is stored in two columns, and its secrets are encrypted (``declared``)."""
_OF_URLS = frozenset({"target_url", "headers"})

# Lists of faults and views keep the order of the first release, which differs from that of requests. A new option comes last.
_CHECKED_FIRST = (
    *("target_url", "target", "event_types", "versions", "description", "signature", "secret", "headers"),
)
_SHOWN_FIRST = (*("target_url", "event_types", "description", "filter", "versions", "headers", "signature"),)


def for_declared(options: Sequence[Option]) -> tuple[Option, ...]:
    """Return the options of a channel that declares its targets: they have the target instead of the URL and its headers."""
    return (TARGET, *(option for option in options if option.name not in _OF_URLS))


def in_order_of_checks(options: Sequence[Option]) -> list[Option]:
    """Sort *options* in the order in which their faults are listed."""
    return _ordered(options, _CHECKED_FIRST)


def in_order_of_views(options: Sequence[Option]) -> list[Option]:
    """Choose the options that are shown, in the order of views."""
    return _ordered([option for option in options if option.view], _SHOWN_FIRST)


def _ordered(options: Sequence[Option], first: Sequence[str]) -> list[Option]:
    places = {name: place for place, name in enumerate(first)}
    return sorted(options, key=lambda option: places.get(option.name, len(first)))


def members_of_creation(options: Sequence[Option] = OPTIONS) -> dict[str, Member]:
    """Return the fields of a request that creates a subscription."""
    return {option.name: option.creation for option in options if option.creation}


def members_of_creation_by_name() -> dict[str, Member]:
    """Return the fields of a request that creates a subscription on a named channel, with either kind of target."""
    members = members_of_creation((TARGET, *OPTIONS))
    for name in ("target", "target_url"):
        annotation, field = members[name]
        members[name] = (annotation | None, Field(default=None, description=field.description))
    return members


def members_of_change(options: Sequence[Option] = OPTIONS, *, only_common: bool = False) -> dict[str, Member]:
    """Return the fields of a request that changes a subscription; with *only_common*, those changeable on every channel."""
    return {o.name: o.change for o in options if o.change and (o.is_common or not only_common)}


def members_of_hook(options: Sequence[Option] = OPTIONS) -> dict[str, Member]:
    """Return the fields of a request for a REST hook, apart from its target and event types."""
    return {option.name: option.hook for option in options if option.hook}


def members_of_view(options: Sequence[Option] = OPTIONS) -> dict[str, Member]:
    """Return the fields of an answer that shows a subscription."""
    return {option.name: option.view for option in in_order_of_views(options) if option.view}


def columns_of_creation(request: Mapping[str, Any], options: Sequence[Option] = OPTIONS) -> dict[str, Any]:
    """Compute the columns of a new subscription; options missing in *request* get their defaults."""
    return {
        option.column: option.write(request.get(option.name))
        for option in options
        if option.column and option.creation
    }


def columns_of_change(changes: Mapping[str, Any], options: Sequence[Option] = OPTIONS) -> dict[str, Any]:
    """Compute the columns of the options in *changes*."""
    return {
        option.column: option.write(changes[option.name])
        for option in options
        if option.column and option.change and option.name in changes
    }


def show(
    subscription: Subscription, versions: Mapping[str, int], options: Sequence[Option] = OPTIONS
) -> dict[str, Any]:
    """Show the options of *subscription* with its *versions*."""
    return {
        option.name: option.show(subscription, versions)
        if option.show
        else getattr(subscription, option.name)
        for option in in_order_of_views(options)
    }
