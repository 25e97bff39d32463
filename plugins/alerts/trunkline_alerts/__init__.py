"""Alerts: operational events as messages to people, by mail, into chat rooms and to PagerDuty.

Each way is a channel, so retries, the delivery log, limits, test deliveries and the portal's forms are the hub's own. Mail goes
by one subscription of the operators, which ``lifespan`` makes; ``messages`` has all texts. Another plugin that adds a way
writes them with ``Writer``.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from importlib import import_module

from pydantic import BaseModel

from trunkline import Channel, HttpClient, Migrations, Outcome, PluginContext, Push, Result, hookimpl
from trunkline.routes import BreakerPolicy, Deliver, Terms
from trunkline_alerts import services
from trunkline_alerts.messages import Message
from trunkline_alerts.settings import Settings
from trunkline_alerts.writing import Writer

__all__ = ["Message", "Writer"]

MAIL = "alerts_mail"
OPERATORS = 0
"""The company whose log has every operational event."""
NAME = "mail"
REQUEST = {"target_url": "mailto:alert-recipients", "event_types": ["operational.*"], "timeout_seconds": 60}
RETRY_SECONDS = 5.0
NEVER = BreakerPolicy(failures=2**31, span_seconds=0)
"""Mail goes on once its server is back, however long it was away."""


@hookimpl
def register_settings() -> type[BaseModel]:
    """Give the section ``alerts``."""
    return Settings


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Give the history of the table of what was sent; it has no row of a company's."""
    return [Migrations("trunkline_alerts:migrations")]


@hookimpl
def register_channels(context: PluginContext[Settings]) -> Sequence[Channel]:
    """Give the three ways; the library for mail is loaded if a server is set."""
    deliver: Deliver = _refuse
    if context.settings.smtp_host is not None:
        deliver = import_module("trunkline_alerts.mail").Mailer(context).deliver
    about = "Mails operational events to the alert recipients of the company that they are about, and to the operators."
    return [
        Channel(MAIL, "Alerts by mail", about, deliver, schemes=("mailto",), breaker=NEVER),
        *services.make_channels(context),
    ]


async def _refuse(_push: Push, _http: HttpClient) -> Result:
    return Result(Outcome.REJECTED, error="no mail server is set: alerts.smtp_host")


@hookimpl
@contextlib.asynccontextmanager
async def lifespan(context: PluginContext[Settings]) -> AsyncGenerator[None]:
    """Make the subscription that mail goes by, if a server is set."""
    if context.settings.smtp_host is None:
        yield
        return
    subscribing = asyncio.create_task(_subscribe(context))
    try:
        yield
    finally:
        subscribing.cancel()
        await asyncio.gather(subscribing, return_exceptions=True)


async def _subscribe(context: PluginContext[Settings]) -> None:
    """Make the subscription, or go on with the one that another process has made."""
    terms = Terms(NAME, holder=NAME, lasts_seconds=None)
    while True:
        try:
            await context.subscriptions.renew(OPERATORS, REQUEST, channel=MAIL, terms=terms)
        except Exception:  # the database may be back at the next try
            context.log.exception("the subscription to operational events was not made; it is tried again")
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
