"""Mails alerts: to the recipients of the company that an event is about, and to the operators."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any

import aiosmtplib
import orjson

from trunkline import HttpClient, NotFound, Outcome, PluginContext, Push, Result
from trunkline_alerts import told
from trunkline_alerts.messages import Message
from trunkline_alerts.quiet import Quiet
from trunkline_alerts.settings import Settings
from trunkline_alerts.writing import Writer, company_of

TO_COMPANIES = frozenset({"subscription.failing", "subscription.disabled", "subscription.recovered"})
"""The event types that are mailed to a company's recipients."""
STEP_SECONDS = 8.0
"""Time limit of one SMTP command."""
_WHOLE_LINES = SMTP.clone(max_line_length=900)
"""Lines are not folded: otherwise a subject folded before its first word is shown with a leading blank.

RFC 5322 allows 998 characters.
"""


class Mailer:
    """Sends mail through the server in the settings. A message keeps its ``Message-ID`` over all attempts."""

    def __init__(self, context: PluginContext[Settings]) -> None:
        self._context = context
        self._settings = context.settings
        self._writer = Writer(context)
        self._quiet = Quiet(context)

    async def deliver(self, push: Push, _: HttpClient) -> Result:
        """Mail the alert to each recipient that has not received it."""
        message = await self._writer.write(push)
        reason = await self._quiet.why_not(push, message, hours=self._settings.quiet_hours)
        if reason is not None:
            return Result(Outcome.DELIVERED, response_body=reason)
        is_test = push.event_id.startswith("test_")
        found: list[str] = []
        company_id = company_of(push, orjson.loads(push.body)["payload"])
        if push.event_type in TO_COMPANIES and company_id is not None and not is_test:
            with suppress(NotFound):  # it was deleted meanwhile
                view: dict[str, Any] = await self._context.companies.view(abs(company_id))
                found += view["alert_recipients"]
        if is_test or message.is_from(self._settings.operators_from):
            found += self._settings.operators
        result = await self.send(message, list(dict.fromkeys(found)), key=push.event_id)
        if result.outcome is Outcome.DELIVERED:
            await self._quiet.note(push, message)
        return result

    async def send(self, message: Message, recipients: Sequence[str], *, key: str) -> Result:
        """Mail *message* to each of *recipients* that has not received a mail with this *key*.

        The result names an address that the server refuses permanently; that address is not tried again.
        """
        wanted = {self._message_id(key, recipient): recipient for recipient in recipients}
        async with self._context.database.read() as connection:
            done = await told.known(connection, list(wanted))
        refused: list[str] = []
        settings, password = self._settings, self._settings.smtp_password
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            username=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
            timeout=STEP_SECONDS,
        )
        try:
            for message_id, recipient in wanted.items():
                if message_id in done:
                    continue
                if not client.is_connected:
                    await client.connect()
                try:
                    mail = self._mail(message, message_id, recipient)
                    await client.sendmail(str(settings.sender), [recipient], mail.as_bytes())
                except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as error:
                    code, words = _refusal(error)
                    refused.append(f"{code} {words}")
                    if code < 500:
                        continue
                async with self._context.database.write() as connection:
                    await told.add(connection, message_id, now_ms=self._context.clock.now_ms())
            # the server has taken the mails: a failed QUIT changes nothing
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError) as error:
            reason = f"the mail server did not take it: {type(error).__name__}"
            return Result(Outcome.RETRY, error=reason)
        finally:
            client.close()
        if any(answer < "5" for answer in refused):
            said = "; ".join(refused)[:1024]
            return Result(Outcome.RETRY, error="some refused for now", response_body=said)
        said = "; ".join([f"recipients: {len(wanted)}", *refused])
        return Result(Outcome.DELIVERED, response_body=said[:1024])

    def _message_id(self, key: str, recipient: str) -> str:
        digest = hashlib.sha256(f"{key}/{recipient}".encode()).hexdigest()[:32]
        return f"<{digest}@{str(self._settings.sender).rpartition('@')[2]}>"

    def _mail(self, message: Message, message_id: str, recipient: str) -> EmailMessage:
        mail = EmailMessage(policy=_WHOLE_LINES)
        mail["From"] = self._settings.sender
        mail["To"] = recipient
        mail["Subject"] = message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = message_id
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note comes back
        mail.set_content(message.body)
        return mail


def _refusal(error: aiosmtplib.SMTPException) -> tuple[int, str]:
    """Return the code and text of a refusal (RFC 5321 §4.2.1): 4xx is temporary, 5xx permanent."""
    answer = error.recipients[0] if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else error
    assert isinstance(answer, aiosmtplib.SMTPResponseException)
    return answer.code, answer.message
