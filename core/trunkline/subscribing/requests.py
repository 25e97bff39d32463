"""Checks requests for subscriptions; an error lists all faults."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from trunkline.contract import Channel
from trunkline.errors import BadCursor, BodyInvalid, FieldError, TargetRefused, but_not
from trunkline.filters import filters
from trunkline.model import cursors
from trunkline.model.event_groups import types_among
from trunkline.model.subscriptions import Status
from trunkline.model.times import epoch_ms_of
from trunkline.runtime.clock import now_ms
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import Pins, SchemaVersions
from trunkline.subscribing import checks, options, orderings
from trunkline.subscribing.names import TargetNames
from trunkline.subscribing.options import OPTIONS, Option
from trunkline.targets.addresses import AddressPolicy

AHEAD_MS = 60_000
"""How far a caller's clock may be ahead."""


class Checker(Struct, frozen=True):
    """Checks requests against the deployment's policy and event types."""

    catalog: SchemaCatalog
    schema_versions: SchemaVersions
    policy: AddressPolicy
    channels: Callable[[], Mapping[str, Channel]] = dict[str, Channel]
    options: Sequence[Option] = OPTIONS
    names: TargetNames | None = None

    def channel(self, name: str | None) -> Channel | None:
        """Return the channel named *name*, if it runs."""
        return None if name is None else self.channels().get(name)

    def options_of(self, channel: Channel | None) -> Sequence[Option]:
        """Return the options that subscriptions of *channel* have."""
        is_declared = channel is not None and channel.target is not None
        return options.for_declared(self.options) if is_declared else self.options

    async def check_name(self, url: str, *, company_id: int, path: str) -> list[str]:
        """Return the warnings about the host name in *url*, a checked target. Raises TargetRefused, at *path*."""
        return [] if self.names is None else await self.names.check(url, company_id=company_id, path=path)

    def check_creation(self, request: Mapping[str, Any], *, channel: str) -> None:
        """Check a request for a new subscription of the channel named *channel*. Raises as ``check`` does."""
        registered = self.channel(channel)
        own = self.options_of(registered)
        self.check(
            request,
            required=[option.name for option in own if option.is_required],
            known=tuple(options.members_of_creation(own)),
            channel=registered,
        )

    def check_change(self, changes: Mapping[str, Any], *, channel: str | None) -> None:
        """Check a request that changes a subscription of *channel*; None means any channel. Raises as ``check`` does."""
        registered = self.channel(channel)
        own = self.options_of(registered)
        known = tuple(options.members_of_change(own, only_common=channel is None))
        self.check(changes, required=(), known=known, channel=registered, is_change=True)
        errors = [
            FieldError(f"/{option.name}", "cannot be removed")
            for option in own
            if not option.is_removable and option.name in changes and changes[option.name] is None
        ]
        if changes.get("status") not in {None, Status.ACTIVE, Status.PAUSED}:
            errors.append(FieldError("/status", "must be 'active' or 'paused'"))
        if not isinstance(changes.get("catch_up", True), bool):
            errors.append(FieldError("/catch_up", "must be true or false"))
        if errors:
            raise BodyInvalid(errors)

    def check(
        self,
        request: Mapping[str, Any],
        *,
        required: Sequence[str],
        known: Sequence[str],
        channel: Channel | None = None,
        is_change: bool = False,
    ) -> None:
        """Check every member of *request* separately. *channel* decides which target URLs are allowed (None: HTTP URLs).

        Raises:
            BodyInvalid: with one entry per fault.
            TargetRefused: the only fault is the address of ``target_url``.
        """
        errors = [
            FieldError(f"/{name}", f"is not a field here; known fields are {', '.join(known)}")
            for name in request
            if name not in known
        ]
        errors += [FieldError(f"/{name}", "is required") for name in required if request.get(name) is None]
        refused: TargetRefused | None = None
        context = checks.Context(self.catalog, self.schema_versions, self.policy, channel, request, is_change)
        for option in options.in_order_of_checks(self.options_of(channel)):
            if (value := request.get(option.name)) is not None:
                try:
                    errors += option.check(value, context)
                except TargetRefused as error:
                    refused = error
                    errors += error.errors
        if refused is not None and len(errors) == len(refused.errors):
            raise refused
        if errors:
            raise BodyInvalid(errors)

    def check_conditions(
        self, source: Any, names: Sequence[str], pins: Pins, *, ordering: Any = None
    ) -> None:
        """Check the filter *source* and the key of *ordering* against the types *names* in these versions. Raises BodyInvalid."""
        chosen = types_among(names, self.catalog.all_names())
        versions = {name: self.schema_versions.chosen(name, pins) for name in chosen}
        event_types = [kind for name in chosen if (kind := self.catalog.known(name, versions[name]))]
        if source is not None:
            filters.compile(source, event_types=event_types)
        orderings.check_key(ordering, event_types)

    def pins_for(self, names: Sequence[str], *, chosen: Mapping[str, int] | None) -> dict[str, int]:
        """Choose the versions for a new reader of *names*: for each type the version in *chosen*, else the current version."""
        current = self.schema_versions.pins(types_among(names, self.catalog.names()))
        return {name: version for name, version in {**current, **(chosen or {})}.items() if version > 1}

    def shown_versions(self, names: Sequence[str], pins: Pins) -> dict[str, int]:
        """Return the version that is sent under *pins* for each type of *names* that has several versions."""
        chosen = types_among(names, self.catalog.names())
        several = [name for name in chosen if len(self.catalog.versions(name)) > 1]
        return {name: self.schema_versions.chosen(name, pins) for name in several}


class Start(Struct, frozen=True):
    """The start of a new subscription: after *position*, or with events accepted at *since_ms* (Unix ms) or later."""

    position: int = 0
    since_ms: int | None = None


def read_start(text: Any, *, oldest: str = "earliest") -> Start | None:
    """Read ``start`` of a request; None means now. *oldest* is the word for the oldest event. Raises BodyInvalid."""
    if text is None or text == "now":
        return None
    if text == oldest:
        return Start()
    if isinstance(text, str):
        if (since_ms := epoch_ms_of(text)) is not None:
            if since_ms > now_ms() + AHEAD_MS:
                raise BodyInvalid([FieldError("/start", f"is in the future: '{text}'; send 'now'")])
            return Start(since_ms=since_ms)
        try:
            return Start(cursors.decode(text))
        except BadCursor:
            pass
    message = f"must be 'now', '{oldest}', a cursor of GET /api/v1/events, or an ISO 8601 time with an offset"
    raise BodyInvalid([FieldError("/start", message + but_not(text))])
