"""Channels that a request names: one set of calls makes subscriptions on every channel that leaves them to the hub."""

from collections.abc import Mapping

from trunkline.contract import Channel
from trunkline.errors import BodyInvalid, FieldError, unknown_name
from trunkline.outbound.push import deliver
from trunkline.targets.urls import HTTP_SCHEMES


def channel_named(name: str, channels: Mapping[str, Channel]) -> Channel:
    """Give the one of *channels* that is called *name*, where people may subscribe to it by that.

    Raises:
        BodyInvalid: there is none, or its subscriptions are made by calls of its own alone.
    """
    channel = channels.get(name)
    if channel is None:
        raise BodyInvalid([FieldError("/channel", unknown_name("channel", name, sorted(channels)))])
    if channel.target is None and not takes_urls(channel):
        message = f"declares no target: its subscriptions are made by calls of its own, below /api/v1/{name}"
        raise BodyInvalid([FieldError("/channel", message)])
    return channel


def takes_urls(channel: Channel) -> bool:
    """Tell whether *channel* declares nothing and posts to any URL just as the hub does: nothing of it is its own to judge."""
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
