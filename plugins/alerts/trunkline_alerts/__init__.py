"""Alerts: operational events as messages to people, by mail, into chat rooms and to PagerDuty.

Each of the three is a channel, so the hub does the retries, the delivery log, the limits, the test deliveries and the portal's
forms. Mail uses one subscription of the operators, which ``lifespan`` makes; ``messages`` has all texts. A plugin that adds
another channel for alerts writes its messages with ``Writer``.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import BaseModel

from trunkline import (
    Channel,
    CompanyRows,
    HttpClient,
    Migrations,
    Outcome,
    PluginContext,
    Push,
    Result,
    hookimpl,
)
from trunkline.pages import PortalPage
from trunkline.routes import BreakerPolicy, Deliver, Terms, TrunklineError
from trunkline_alerts import page, services, told
from trunkline_alerts.choices import Choices
from trunkline_alerts.messages import Message
from trunkline_alerts.settings import OPERATORS, Settings
from trunkline_alerts.writing import Writer

if TYPE_CHECKING:
    from trunkline.routes import Routes
    from trunkline_alerts.digests import Digests
    from trunkline_alerts.mail import Mailer

__all__ = ["Message", "Writer"]

MAIL = "alerts_mail"
NAME = "mail"
REQUEST = {"target_url": "mailto:alert-recipients", "event_types": ["operational.*"], "timeout_seconds": 60}
RETRY_SECONDS = 5.0
NEVER = BreakerPolicy(failures=2**31, span_seconds=0)
"""The mail channel is never disabled because of failures; the mails are sent when the server works again."""


class _Shared:
    """State that the plugin's hooks share. The mail library is loaded only if a mail server is set."""

    def __init__(self, context: PluginContext[Settings]) -> None:
        self.mailer: Mailer | None = None
        self.digests: Digests | None = None
        if context.settings.smtp_host is not None:
            self.mailer = import_module("trunkline_alerts.mail").Mailer(context)
            self.digests = import_module("trunkline_alerts.digests").Digests(context, self.mailer)
        self.choices = Choices(context, self.mailer, self.digests)


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return the model of the settings' section ``alerts``."""
    return Settings


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Return the migrations of the plugin's tables; ``alerts_mails`` has no column for the company."""
    of_companies = (CompanyRows("alerts_digests"), CompanyRows("alerts_matters"))
    return [Migrations("trunkline_alerts:migrations", of_companies=of_companies)]


@hookimpl
def register_routes(context: PluginContext[Settings]) -> "Sequence[Routes]":
    """Return the routes by which a company chooses its recipients."""
    from trunkline.routes import Routes  # noqa: PLC0415
    from trunkline_alerts import routes  # noqa: PLC0415

    return [Routes(routes.make_router(context.shared(_Shared).choices), prefix="/alerts")]


@hookimpl
def register_portal_pages(context: PluginContext[Settings]) -> Sequence[PortalPage]:
    """Return the page on which a company chooses its recipients."""
    return [page.make_page(context, context.shared(_Shared).choices)]


@hookimpl
def register_channels(context: PluginContext[Settings]) -> Sequence[Channel]:
    """Return the channels for mail, chat rooms and PagerDuty."""
    mailer = context.shared(_Shared).mailer
    deliver: Deliver = _refuse if mailer is None else mailer.deliver
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
    """Make the subscription for mail and send daily digests, if a mail server is set."""
    digests = context.shared(_Shared).digests
    if digests is None:
        yield
        return
    tasks = [asyncio.create_task(_subscribe(context, day=digests.day())), asyncio.create_task(digests.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _subscribe(context: PluginContext[Settings], *, day: int) -> None:
    """Make the subscription and store the operators' choice of a digest.

    If another process has made the subscription, keep it.
    """
    terms = Terms(NAME, holder=NAME, lasts_seconds=None)
    while True:
        try:
            await context.subscriptions.renew(OPERATORS, REQUEST, channel=MAIL, terms=terms)
            async with context.database.write() as connection:
                await told.choose_digest(connection, OPERATORS, day=day if context.settings.digest else None)
        except Exception as error:  # the database may be back at the next try
            context.log.warning(
                "cannot subscribe to operational events now: %s",
                error,
                exc_info=None if isinstance(error, TrunklineError) else error,
            )
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
