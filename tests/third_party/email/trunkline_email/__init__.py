"""A channel that sends events by e-mail, over the SMTP server that the settings name."""

from collections.abc import Sequence

from pydantic import BaseModel

from trunkline import Channel, PluginContext, hookimpl
from trunkline.routes import Routes
from trunkline_email.mailboxes import CHANNEL, make_router
from trunkline_email.sending import SCHEME, Sender
from trunkline_email.settings import Settings


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``email``."""
    return Settings


@hookimpl
def register_channels(context: PluginContext) -> Sequence[Channel]:
    """Give the channel; its targets are mailboxes, ``mailto:someone@example.com``."""
    sender = context.shared(Sender)
    return [
        Channel(
            CHANNEL,
            title="E-mail",
            description="Sends a message about each event.",
            deliver=sender.deliver,
            schemes=(SCHEME,),
            check_target=sender.find_fault,
        )
    ]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the calls by which a company adds and removes mailboxes."""
    return [Routes(make_router(context), prefix="/email/mailboxes")]
