"""Checks of the options of a subscription: each check lists the faults of one value."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from msgspec import Struct

from trunkline.contract import Channel, targets
from trunkline.errors import BodyInvalid, Conflict, FieldError, TargetRefused, pointer, unknown_names
from trunkline.model.event_groups import is_group, type_groups
from trunkline.model.subscriptions import Subscription
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.targets import signatures, urls
from trunkline.targets.addresses import AddressPolicy

MAX_DESCRIPTION = 500
MAX_EVENT_TYPES, MAX_VERSIONS = 100, 100
"""Limits that are checked before any other work."""
_log = logging.getLogger(__name__)


class Context(Struct, frozen=True):
    """The input of a check besides the value. *channel* decides which target URLs are allowed; None allows HTTP URLs."""

    catalog: SchemaCatalog
    schema_versions: SchemaVersions
    policy: AddressPolicy
    channel: Channel | None
    request: Mapping[str, Any]
    is_change: bool = False


Check = Callable[[Any, Context], list[FieldError]]
"""Lists the faults of a value that is not None, with pointers into the request."""


def check_target_url(url: Any, context: Context) -> list[FieldError]:
    """Check a target URL. Raises TargetRefused."""
    if not isinstance(url, str):
        raise TargetRefused("must be a URL")
    channel = context.channel
    urls.check(url, schemes=channel.schemes if channel else urls.HTTP_SCHEMES, policy=context.policy)
    if channel is not None and (reason := _ask_channel(channel, url)):
        raise TargetRefused(reason)
    return []


def check_target(target: Any, context: Context) -> list[FieldError]:
    """Check a target against the channel's model; a change of some members, with the stored others. Raises TargetRefused."""
    model = context.channel.target if context.channel else None
    if model is None or not isinstance(target, dict):
        return [FieldError("/target", "must be an object of the channel's own fields")]
    if context.is_change:
        if model not in {targets.Url, targets.SecretUrl} or target.get("url") in {None, targets.MASK}:
            return []
        target = {"url": target["url"]}
    try:
        address = targets.address_of(targets.created(model, target))
    except BodyInvalid as error:
        return list(error.errors)
    if address is None:
        return []
    try:
        return check_target_url(address, context)
    except TargetRefused as error:
        message = error.errors[0].message
        shown = message if address not in message else "is not valid"  # a plugin's words may repeat a secret
        raise TargetRefused(shown, path="/target/url") from None


def check_event_types(names: Any, context: Context) -> list[FieldError]:
    """Check a list of event types: known names and groups, or ``"*"`` alone."""
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(name, str) for name in names[:MAX_EVENT_TYPES])
    ):
        return [FieldError("/event_types", 'must be a list of event types, or ["*"] for all')]
    if len(names) > MAX_EVENT_TYPES:
        message = f"must have at most {MAX_EVENT_TYPES} entries, not {len(names):,}; name groups (invoice.*)"
        return [FieldError("/event_types", message)]
    if "*" in names:
        if names == ["*"]:
            return []
        return [FieldError("/event_types", '"*" means every type and stands alone')]
    known = context.catalog.all_names()
    groups = dict.fromkeys(type_groups(known))
    unknown = [
        (f"/event_types/{index}", name)
        for index, name in enumerate(names)
        if context.catalog.known(name) is None and name not in groups
    ]
    return [
        *unknown_names("event type", (one for one in unknown if not is_group(one[1])), known),
        *unknown_names("group of event types", (one for one in unknown if is_group(one[1])), groups),
    ]


def check_versions(versions: Any, context: Context) -> list[FieldError]:
    """Check the chosen versions: each must be a readable version of its event type."""
    if not isinstance(versions, dict):
        message = "must be an object of event types, each with the number of a version"
        return [FieldError("/versions", message)]
    if len(versions) > MAX_VERSIONS:
        return [FieldError("/versions", f"must have at most {MAX_VERSIONS} members, not {len(versions):,}")]
    return [
        FieldError(f"/versions{pointer(name)}", fault)
        for name, version in versions.items()
        if (fault := context.schema_versions.fault(name, version))
    ]


def check_description(description: Any, _: Context) -> list[FieldError]:
    """Check that the description is text of limited length."""
    if isinstance(description, str) and len(description) <= MAX_DESCRIPTION:
        return []
    return [FieldError("/description", f"must be text of at most {MAX_DESCRIPTION} characters")]


def check_signature(scheme: Any, _: Context) -> list[FieldError]:
    """Check that the value is one of the signature schemes."""
    if scheme in signatures.SCHEMES:
        return []
    return [FieldError("/signature", f"must be one of {', '.join(signatures.SCHEMES)}")]


def check_secret(secret: Any, context: Context) -> list[FieldError]:
    """Check the caller's own secret, unless its signature scheme is invalid."""
    scheme = context.request.get("signature")
    if scheme is not None and scheme not in signatures.SCHEMES:
        return []
    return secret_faults(secret, scheme or "standard")


def secret_faults(secret: Any, scheme: str) -> list[FieldError]:
    """List the faults of the caller's own secret under the signature *scheme*."""
    prefix = "whsk_" if scheme == "ed25519" else "whsec_"
    if isinstance(secret, str):
        reason = signatures.check_secret(secret, scheme=scheme)
    else:
        reason = f"must be text that starts with {prefix}"
    return [FieldError("/secret", reason)] if reason else []


def check_headers(headers: Any, _: Context) -> list[FieldError]:
    """Check the names and values of additional headers."""
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return [FieldError("/headers", "must be an object of header names and text values")]
    return signatures.check_headers(headers)


def check_headers_given(before: Subscription, changes: Mapping[str, Any]) -> None:
    """Check that a change to a target of another origin includes the headers again. Raises BodyInvalid.

    Header values are never shown. So a caller that may change the target must not be able to have them sent to its own
    address.
    """
    url = changes.get("target_url")
    if url is None or not before.headers or "headers" in changes:
        return
    if not urls.is_same_origin(before.target_url, url):
        message = (
            "must be given again, or as {} to drop them, where target_url changes its scheme, host or port:"
            " the values that are stored are not sent to another address"
        )
        raise BodyInvalid([FieldError("/headers", message)])


def require_readable(subscription: Subscription) -> None:
    """Check that the secrets and headers of *subscription* were decrypted. Raises Conflict."""
    if not subscription.is_readable:
        msg = (
            "What is stored of this subscription's secrets and headers does not open. Rotate its secret, which makes a new "
            "one, send its 'headers' and the secrets of its 'target' again if it has any, and set 'status' to 'active'."
        )
        raise Conflict(msg)


def _ask_channel(channel: Channel, url: str) -> str | None:
    """Return the fault that the channel finds in *url*, or that its check failed: deliveries would fail in the same way."""
    check_target = cast(
        "Callable[[str], object] | None", channel.check_target
    )  # a plugin may return anything
    if check_target is None:
        return None
    try:
        reason = check_target(url)
    except Exception as error:  # noqa: BLE001 - a channel is a plugin: any error means that it could not check the URL
        outcome = type(error).__name__
    else:
        if reason is None or isinstance(reason, str):
            return reason
        outcome = f"a value of type {type(reason).__name__}"
    _log.error("check_target of the channel '%s' came to %s instead of text or None", channel.name, outcome)
    return f"could not be checked, because the channel '{channel.name}' failed; whoever runs this hub finds why in its log"
