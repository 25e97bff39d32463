"""Channels named in requests. The same calls create subscriptions on all channels that do not have separate calls."""

from collections.abc import Mapping

from trunkline.contract import Channel
from trunkline.errors import BodyInvalid, FieldError, unknown_name
from trunkline.outbound.push import deliver
from trunkline.targets.urls import HTTP_SCHEMES


def channel_named(name: str, channels: Mapping[str, Channel]) -> Channel:
    """Return the channel *name*. Raises BodyInvalid if there is none, or if only its own calls create its subscriptions."""
    channel = channels.get(name)
    if channel is None:
        raise BodyInvalid([FieldError("/channel", unknown_name("channel", name, sorted(channels)))])
    if channel.target is None and not takes_urls(channel):
        message = "declares no target, so its subscriptions are made by calls of its own; /docs lists them if it has any"
        raise BodyInvalid([FieldError("/channel", message)])
    return channel


def takes_urls(channel: Channel) -> bool:
    """Return whether *channel* declares no targets, and posts to any URL as the hub does, without additional checks."""
    is_the_hubs = channel.deliver is deliver and channel.check_target is None
    return channel.target is None and is_the_hubs and tuple(channel.schemes) == HTTP_SCHEMES


def rest_hook_channel(name: str, *, title: str) -> Channel:
    """Make the channel of a platform's REST hooks; *title* is the platform's name."""
    return Channel(
        name,
        title=title,
        description=f"Posts each event to the URL that {title} subscribed with, signed with HMAC-SHA256.",
        deliver=deliver,
    )
