"""Targets that a channel declares as a model: how they are stored and shown.

The column ``target`` has the members that may be shown; secret members are encrypted together with the signing secrets.
``target_url`` has the target in one line, so that code that reads a subscription's URL finds a value. If the target is a
``Url``, ``target_url`` is this URL, and is checked as a URL; for a ``SecretUrl`` it has only the scheme and the host.
"""

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct
from pydantic import BaseModel

from trunkline.contract import Channel, targets
from trunkline.contract.targets import MASK, Members, SecretUrl, Url
from trunkline.model.subscriptions import Subscription


class Declared(Struct, frozen=True):
    """A target in its stored form: the *columns*, and the *secrets*, which are encrypted."""

    columns: Mapping[str, Any]
    secrets: Mapping[str, str]


def of_creation(channel: Channel | None, request: Mapping[str, Any]) -> Declared | None:
    """Read the target of a new subscription; None if the channel declares no targets. Raises BodyInvalid."""
    if channel is None or channel.target is None:
        return None
    return _stored(channel, targets.created(channel.target, request["target"]))


def of_change(channel: Channel | None, before: Subscription, changes: Mapping[str, Any]) -> Declared | None:
    """Apply *changes* to the target of *before*; None if *changes* has no target. Raises BodyInvalid."""
    if channel is None or channel.target is None or "target" not in changes:
        return None
    shown, secrets = _members(channel, before) or ({}, {})
    return _stored(channel, targets.changed(channel.target, shown, secrets, changes["target"]))


def url_of_change(channel: Channel | None, changes: Mapping[str, Any]) -> str | None:
    """Return the target URL in *changes*, which may be a declared target that is only a URL; None if there is no URL."""
    if channel is not None and channel.target in {Url, SecretUrl}:
        url = cast("str | None", changes.get("target", {}).get("url"))
        return None if url == MASK else url
    return changes.get("target_url")


def show(channel: Channel | None, subscription: Subscription) -> dict[str, Any] | None:
    """Show a target with its secrets masked; None if the channel declares no targets or is not known."""
    members = _members(channel, subscription)
    return None if members is None else targets.masked(*members)


def _members(channel: Channel | None, of: Subscription) -> tuple[Members, Members] | None:
    return targets.stored_or_read(channel, of.target_url, of.target, of.target_secrets)


def _stored(channel: Channel, target: BaseModel) -> Declared:
    shown, secrets = targets.split(target)
    url = targets.url_of(channel.name, target)
    return Declared({"target": shown, "target_url": url}, secrets)
