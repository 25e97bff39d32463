"""Sending: one message for each event, with the same ``Message-ID`` on every attempt."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

import aiosmtplib

from trunkline import HttpClient, Outcome, PluginContext, Push, Result
from trunkline_email.settings import ADDRESS, Settings

SCHEME = "mailto"
FAREWELL_SECONDS = 1.0
_TARGET = re.compile(f"{SCHEME}:({ADDRESS[1:-1]})", re.ASCII)


class Sender:
    """Sends from the address and over the server in the settings."""

    def __init__(self, context: PluginContext) -> None:
        assert isinstance(context.settings, Settings)
        self._settings = context.settings
        self._types = context.events.types
        self._domains = {one.strip().lower() for one in context.settings.domains.split(",") if one.strip()}

    def find_fault(self, url: str) -> str | None:
        """Say why *url* is not a mailbox that may be written to; None if it is."""
        if not _TARGET.fullmatch(url):
            return "must be 'mailto:' and one plain address, such as mailto:someone@example.com"
        if self._domains and url.rpartition("@")[2].lower() not in self._domains:
            return f"must be an address at {' or '.join(sorted(self._domains))}"
        return None

    async def deliver(self, push: Push, _: HttpClient) -> Result:
        """Send the message, and wait until the server has accepted it."""
        if self.find_fault(push.target.url):
            return Result(Outcome.REJECTED, error="the address is none that may be written to")
        try:
            said = await self._send(self.write(push))
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return judge(refused.recipients[0])
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused) as refused:
            return judge(refused)
        except (aiosmtplib.SMTPException, OSError) as error:
            code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
            return Result(
                Outcome.RETRY, code, error=f"the SMTP server did not take it: {type(error).__name__}"
            )
        return Result(Outcome.DELIVERED, 250, response_body=said)

    async def _send(self, message: EmailMessage) -> str:
        """Send over a separate connection, which is closed at once after an error; return the server's words."""
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            username=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            timeout=settings.timeout_seconds,
        )
        try:
            await client.connect()
            _, said = await client.send_message(message)
            with suppress(aiosmtplib.SMTPException, OSError):  # the message was accepted, even if QUIT fails
                await client.quit(timeout=FAREWELL_SECONDS)
        finally:
            client.close()
        return said

    def write(self, push: Push) -> EmailMessage:
        """Write the message: the type's title as subject, and a line for each field."""
        event = json.loads(push.body, parse_float=str)  # 99.00 stays 99.00
        kind = next((one for one in self._types() if one.name == push.event_type), None)
        properties = kind.schema.get("properties", {}) if kind else {}
        message = EmailMessage(policy=SMTP)
        message["From"] = self._settings.sender
        message["To"] = push.target.url.removeprefix(f"{SCHEME}:")
        message["Subject"] = kind.title if kind else push.event_type
        message["Date"] = format_datetime(datetime.fromisoformat(event["createdUtc"]))
        domain = self._settings.sender.rpartition("@")[2]
        message["Message-ID"] = f"<{push.event_id}.{push.target.subscription_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note comes back
        source = f"Event {push.event_id}, {push.event_type}, {event['createdUtc']}"
        message.set_content("\n".join([*_lines(event["payload"], properties), "", "-- ", source]))
        return message


def judge(refused: aiosmtplib.SMTPResponseException) -> Result:
    """Read a refusal (RFC 5321 §4.2.1): 4xx is temporary, 5xx permanent. *response_body* has the server's words."""
    outcome = Outcome.REJECTED if 500 <= refused.code <= 599 else Outcome.RETRY
    return Result(outcome, refused.code, response_body=refused.message)


def _lines(payload: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[str]:
    for name, value in payload.items():
        if value is not None:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{properties.get(name, {}).get('title', name)}: {shown}"
