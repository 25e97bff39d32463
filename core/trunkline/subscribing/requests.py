"""Reading what a caller wants of a subscription: checked values, or everything that is wrong with them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from trunkline.contract import Channel
from trunkline.errors import BadCursor, BodyInvalid, FieldError, TargetRefused, pointer
from trunkline.filters import filters
from trunkline.model import cursors
from trunkline.model.times import read_time
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.targets import signatures, urls
from trunkline.targets.addresses import AddressPolicy

EDITABLE = ("target_url", "event_types", "description", "headers", "filter", "versions", "status", "catch_up")
CREATABLE = (
    *("target_url", "event_types", "description", "secret", "headers", "filter", "versions", "start"),
    "signature",
)
MAX_DESCRIPTION = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks requests against the deployment's policy and event types."""

    catalog: SchemaCatalog
    schema_versions: SchemaVersions
    policy: AddressPolicy

    def check(
        self,
        request: Mapping[str, Any],
        *,
        required: Sequence[str],
        known: Sequence[str],
        channel: Channel | None = None,
    ) -> None:
        """Check every member of *request* by itself; *channel* says which target URLs it takes, HTTP's for None.

        Raises:
            BodyInvalid: with one entry per fault.
            TargetRefused: the only fault is where ``target_url`` points.
        """
        errors = [
            FieldError(f"/{name}", f"is not a field here; known fields are {', '.join(known)}")
            for name in request
            if name not in known
        ]
        errors += [FieldError(f"/{name}", "is required") for name in required if request.get(name) is None]
        refused: TargetRefused | None = None
        if request.get("target_url") is not None:
            try:
                self._check_url(request["target_url"], channel)
            except TargetRefused as error:
                refused = error
                errors += error.errors
        errors += self._check_event_types(request.get("event_types"))
        errors += self._check_versions(request.get("versions"))
        errors += _check_description(request.get("description"))
        errors += _check_signing(request)
        errors += _check_headers(request.get("headers"))
        if refused is not None and len(errors) == len(refused.errors):
            raise refused
        if errors:
            raise BodyInvalid(errors)

    def event_types(self, names: Sequence[str], pins: Pins) -> list[EventType]:
        """The event types that *names* choose, in the versions of *pins*."""
        wanted = self.catalog.names() if list(names) == ["*"] else names
        versions = {name: self.schema_versions.chosen(name, pins) for name in wanted}
        return [found for name in wanted if (found := self.catalog.get(name, versions[name]))]

    def check_filter(self, source: Any, names: Sequence[str], pins: Pins) -> None:
        """Check a filter against the types that it will see, in the versions of *pins*. Raises BodyInvalid."""
        if source is not None:
            filters.compile(source, event_types=self.event_types(names, pins))

    def pins_for(self, names: Sequence[str], *, chosen: Mapping[str, int] | None) -> dict[str, int]:
        """Give the pins of who begins now to read *names*: the *chosen* versions, else the current ones."""
        current = self.schema_versions.pins(None if list(names) == ["*"] else names)
        return {name: version for name, version in {**current, **(chosen or {})}.items() if version > 1}

    def shown_versions(self, names: Sequence[str], pins: Pins) -> dict[str, int]:
        """Give the version, as it is sent under *pins*, of each type that *names* choose and that has several."""
        wanted = self.catalog.names() if list(names) == ["*"] else names
        several = [name for name in wanted if len(self.catalog.versions(name)) > 1]
        return {name: self.schema_versions.chosen(name, pins) for name in several}

    def check_versions(self, versions: Any) -> None:
        """Check a choice of versions that may be absent. Raises BodyInvalid."""
        if errors := self._check_versions(versions):
            raise BodyInvalid(errors)

    def _check_versions(self, versions: Any) -> list[FieldError]:
        if versions is None:
            return []
        if not isinstance(versions, dict):
            return [FieldError("/versions", 'must be an object such as {"invoice.created": 1}')]
        return [
            FieldError(f"/versions{pointer(name)}", fault)
            for name, version in versions.items()
            if (fault := self.schema_versions.fault(name, version))
        ]

    def _check_url(self, url: Any, channel: Channel | None) -> None:
        if not isinstance(url, str):
            raise TargetRefused("must be a URL")
        urls.check(url, schemes=channel.schemes if channel else urls.HTTP_SCHEMES, policy=self.policy)
        if channel is not None and (reason := _ask_channel(channel, url)):
            raise TargetRefused(reason)

    def _check_event_types(self, names: Any) -> list[FieldError]:
        if names is None:
            return []
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            return [FieldError("/event_types", 'must be a list of event types, or ["*"] for all')]
        if "*" in names:
            return (
                []
                if names == ["*"]
                else [FieldError("/event_types", '"*" means every type and stands alone')]
            )
        known = ", ".join(self.catalog.names())
        return [
            FieldError(f"/event_types/{index}", f"is not a known event type; known are {known}")
            for index, name in enumerate(names)
            if self.catalog.get(name) is None
        ]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a new subscription begins: after *position*, or with what was accepted at *since_ms* (Unix ms) or later."""

    position: int = 0
    since_ms: int | None = None


def read_start(text: Any) -> Start | None:
    """Read a request's ``start``; None for now.

    Raises:
        BodyInvalid: it is none of the forms that CONTRACT §13 names.
    """
    if text is None or text == "now":
        return None
    if text == "earliest":
        return Start()
    if isinstance(text, str):
        if moment := read_time(text):
            return Start(since_ms=int(datetime.fromisoformat(moment).timestamp() * 1000))
        try:
            return Start(cursors.decode(text))
        except BadCursor:
            pass
    message = "must be 'now', 'earliest', a cursor of GET /api/v1/events, or an ISO 8601 time with an offset"
    raise BodyInvalid([FieldError("/start", message)])


def unique(names: Sequence[str]) -> list[str]:
    """Drop repeated names, keeping the order of the first."""
    return list(dict.fromkeys(names))


def _ask_channel(channel: Channel, url: str) -> str | None:
    judge = cast("Callable[[str], object] | None", channel.check_target)  # a plugin need not be type-checked
    if judge is None:
        return None
    try:
        reason = judge(url)
    except Exception as error:  # noqa: BLE001 - a channel is a plugin: whatever it raises is no answer
        return _not_judged(channel, type(error).__name__)
    if reason is None or isinstance(reason, str):
        return reason
    return _not_judged(channel, f"a value of type {type(reason).__name__}")


def _not_judged(channel: Channel, came: str) -> str:
    """Refuse what the channel could not judge: to accept it would be to fail at each delivery. The log has no URL in it."""
    _log.error("check_target of the channel '%s' came to %s instead of text or None", channel.name, came)
    return f"could not be checked, because the channel '{channel.name}' failed; whoever runs this hub finds why in its log"


def _check_description(description: Any) -> list[FieldError]:
    if description is None or (isinstance(description, str) and len(description) <= MAX_DESCRIPTION):
        return []
    return [FieldError("/description", f"must be text of at most {MAX_DESCRIPTION} characters")]


def _check_signing(request: Mapping[str, Any]) -> list[FieldError]:
    scheme, secret = request.get("signature"), request.get("secret")
    if scheme is not None and scheme not in signatures.SCHEMES:
        return [FieldError("/signature", f"must be one of {', '.join(signatures.SCHEMES)}")]
    if secret is None:
        return []
    if scheme == "ed25519":
        return [FieldError("/secret", "does not go with 'ed25519', whose key pair the hub makes")]
    reason = (
        signatures.check_secret(secret) if isinstance(secret, str) else "must be text that starts with whsec_"
    )
    return [FieldError("/secret", reason)] if reason else []


def _check_headers(headers: Any) -> list[FieldError]:
    if headers is None:
        return []
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return [FieldError("/headers", "must be an object of header names and text values")]
    return signatures.check_headers(headers)
