"""A channel that publishes events to NATS JetStream: each company has its own subjects, and each event is stored once."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from pydantic import BaseModel

from trunkline import Channel, PluginContext, hookimpl
from trunkline.routes import Routes, rest_hook_routes
from trunkline_nats.publishing import SCHEME, Publisher, find_fault
from trunkline_nats.settings import Settings

CHANNEL = "nats"


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``nats``."""
    return Settings


@hookimpl
def register_channels(context: PluginContext) -> Sequence[Channel]:
    """Give the channel; its targets are feeds, ``nats:name``."""
    return [
        Channel(
            CHANNEL,
            title="NATS",
            description="Publishes each event to a stream of NATS JetStream.",
            deliver=context.shared(Publisher).deliver,
            schemes=(SCHEME,),
            check_target=find_fault,
        )
    ]


@hookimpl
def lifespan(context: PluginContext) -> AbstractAsyncContextManager[None]:
    """Give the connection that every delivery shares."""
    return context.shared(Publisher).connected()


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the calls by which a company adds, lists and removes its feeds."""
    return [rest_hook_routes(context, channel=CHANNEL, title="NATS", example="nats:crm")]
