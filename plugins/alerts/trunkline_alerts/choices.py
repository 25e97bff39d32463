"""The recipients of a company's alerts: show, change, preview and test them, for the API and for the portal."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trunkline import PluginContext, Refused, Result
from trunkline.routes import company_number
from trunkline_alerts import messages, told
from trunkline_alerts.messages import Message
from trunkline_alerts.settings import OPERATORS, Settings
from trunkline_alerts.writing import Writer

if TYPE_CHECKING:
    from trunkline_alerts.digests import Digests
    from trunkline_alerts.mail import Mailer

TESTS_PER_MINUTE = 2
"""Limit of test messages of one company."""
TEST_SECONDS = 4.0
"""Time limit of a test message; a page of the portal has five seconds."""


class CannotMail(Refused):
    """Raised if the hub has no mail server, or if a call would change the operators' choice."""

    status = 409
    title = "Conflict"


class Choices:
    """Each company's choice of recipients, for both environments.

    The operators' choice (company 0) is in the settings.
    """

    def __init__(
        self, context: PluginContext[Settings], mailer: "Mailer | None", digests: "Digests | None"
    ) -> None:
        self._context = context
        self._mailer = mailer
        self._digests = digests
        self._writer = Writer(context)

    async def view(self, company_id: int) -> dict[str, Any]:
        """Return a company's choice, and whether the hub has a mail server."""
        number, settings = company_number(company_id), self._context.settings
        if number == OPERATORS:
            recipients, digest = list(settings.operators), settings.digest
        else:
            recipients = (await self._context.companies.view(number))["alert_recipients"]
            async with self._context.database.read() as connection:
                digest = await told.has_digest(connection, number)
        has_server = self._mailer is not None
        return {"alert_recipients": recipients, "digest": digest, "has_mail_server": has_server}

    async def change(
        self, company_id: int, *, recipients: Sequence[str] | None = None, digest: bool | None = None
    ) -> dict[str, Any]:
        """Change the choice by each argument that is not None.

        Return the new choice. Raises BodyInvalid, CannotMail.
        """
        number = company_number(company_id)
        if number == OPERATORS:
            msg = "The operators' addresses and digest are the settings alerts.operators and alerts.digest."
            raise CannotMail(msg)
        if digest and self._digests is None:
            raise CannotMail(_NO_SERVER)
        if recipients is not None:
            await self._context.companies.change(number, {"alert_recipients": list(recipients)})
        before = await self.view(number)
        if digest is not None and digest != before["digest"]:
            async with self._context.database.write() as connection:
                day = self._digests.day() if digest and self._digests is not None else None
                await told.choose_digest(connection, number, day=day)
                self._context.journal.note(
                    "alerts.changed",
                    f"company:{number}",
                    company_id=number,
                    before={"daily": before["digest"]},
                    after={"daily": digest},  # a member "digest" would be masked
                )
        return await self.view(number)

    async def previews(self, company_id: int) -> list[tuple[str, Message]]:
        """Write every alert for a company, from the example of its event type."""
        whose, link = await self._writer.name(company_id), self._writer.link(company_id)
        return [
            (kind.name, messages.write(kind.name, kind.schema["examples"][0], whose=whose, link=link))
            for kind in self._context.events.operational_types()
        ]

    async def test(self, company_id: int) -> Result:
        """Mail a test message to a company's recipients. Raises CannotMail, RateLimited."""
        if self._mailer is None:
            raise CannotMail(_NO_SERVER)
        recipients = (await self.view(company_id))["alert_recipients"]
        if not recipients:
            msg = "There are no alert recipients yet: add one, and test again."
            raise CannotMail(msg)
        number = company_number(company_id)
        await self._context.limits.count(f"company {number}", "alert_tests", per_minute=TESTS_PER_MINUTE)
        whose, link = await self._writer.name(company_id), self._writer.link(company_id)
        said = f"This is a test. Alerts about {whose} come to this address."
        body = f"About: {whose}.\n\n{said}\n\n{link}".strip()
        message = Message("info", f"Test of alerts ({whose})", body, link, "test", "news")
        key = f"test/{number}/{self._context.clock.now_ms()}"
        try:
            async with asyncio.timeout(TEST_SECONDS):
                return await self._mailer.send(message, recipients, key=key)
        except TimeoutError:
            msg = f"The mail server took longer than {TEST_SECONDS:g} seconds."
            raise CannotMail(msg) from None


_NO_SERVER = "The hub has no mail server: its operators set alerts.smtp_host."
