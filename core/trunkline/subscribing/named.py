"""Channels named in requests: one set of calls makes subscriptions on all channels that leave that to the hub."""

from collections.abc import Mapping

from trunkline.contract import Channel
from trunkline.errors import BodyInvalid, FieldError, unknown_name
from trunkline.outbound.push import deliver
from trunkline.targets.urls import HTTP_SCHEMES


def channel_named(name: str, channels: Mapping[str, Channel]) -> Channel:
    """Give the channel *name*, if it can be subscribed to by name.

    Raises:
        BodyInvalid: there is none, or its subscriptions are only made by its own calls.
    """
    channel = channels.get(name)
    if channel is None:
        raise BodyInvalid([FieldError("/channel", unknown_name("channel", name, sorted(channels)))])
    if channel.target is None and not takes_urls(channel):
        message = f"declares no target: its subscriptions are made by calls of its own, below /api/v1/{name}"
        raise BodyInvalid([FieldError("/channel", message)])
    return channel


def takes_urls(channel: Channel) -> bool:
    """Tell whether *channel* declares no targets and posts to any URL as the hub does, without checks of its own."""
    is_the_hubs = channel.deliver is deliver and channel.check_target is None
    return channel.target is None and is_the_hubs and tuple(channel.schemes) == HTTP_SCHEMES


def rest_hook_channel(name: str, *, title: str) -> Channel:
    """Give the channel behind the hooks; *title* is the platform's name."""
    return Channel(
        name,
        title=title,
        description=f"Posts each event to the URL that {title} subscribed with, signed with HMAC-SHA256.",
        deliver=deliver,
    )
