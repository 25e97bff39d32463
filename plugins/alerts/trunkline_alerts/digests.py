"""The daily digest: one mail a day about failures and unresolved alerts, to the companies that chose a digest.

A process claims a company's digest before mailing it. If that process dies, another process mails the digest after
``CLAIM``; a mail keeps its ``Message-ID``, so no mail is sent twice.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from trunkline import NotFound, Outcome, PluginContext
from trunkline.routes import TrunklineError
from trunkline_alerts import messages, told
from trunkline_alerts.mail import TO_COMPANIES, Mailer
from trunkline_alerts.messages import Message
from trunkline_alerts.settings import OPERATORS, Settings
from trunkline_alerts.writing import Writer, company_in

DAY_MS = 24 * 3_600_000
OPEN_DAYS = 30
"""Number of days for which an unresolved failure is listed in digests."""
CLAIM = timedelta(minutes=10)
SEND_SECONDS = 300.0
"""Time limit for the mails of one digest: less than ``CLAIM``."""
LOOK_SECONDS = 60.0
MOST = 200
"""Largest number of events that one digest reads, newest first."""
MOST_LINES = 40


class Digests:
    """Writes and mails the digests that are due."""

    def __init__(self, context: PluginContext[Settings], mailer: Mailer) -> None:
        self._context = context
        self._mailer = mailer
        self._writer = Writer(context)

    async def run(self) -> None:
        """Send due digests until the hub stops."""
        while True:
            try:
                await self.send_due()
            except TrunklineError as error:
                self._context.log.warning("cannot send daily digests now: %s", error)
            except Exception:  # the next try may succeed
                self._context.log.exception("daily digests were not sent; they are tried again")
            await asyncio.sleep(LOOK_SECONDS)

    def day(self) -> int:
        """Return the last day (counted from 1970) whose digest is due.

        A day's digest is due from ``digest_hour`` on.
        """
        return (self._context.clock.now_ms() - self._context.settings.digest_hour * 3_600_000) // DAY_MS

    async def send_due(self) -> None:
        """Send the due digests that no other process has claimed."""
        day, now_ms = self.day(), self._context.clock.now_ms()
        before_ms = now_ms - CLAIM // timedelta(milliseconds=1)
        while True:
            async with self._context.database.write() as connection:
                company_id = await told.claim(connection, day=day, before_ms=before_ms, now_ms=now_ms)
            if company_id is None:
                return
            await self._send(company_id, day=day)

    async def _send(self, company_id: int, *, day: int) -> None:
        """Send one digest and record that it is done; a failed digest is retried after ``CLAIM``."""
        if company_id == OPERATORS:
            recipients = self._context.settings.operators
        else:
            recipients = (await self._context.companies.view(company_id))["alert_recipients"]
        message = await self.write(company_id)
        async with asyncio.timeout(SEND_SECONDS):
            result = await self._mailer.send(message, recipients, key=f"digest/{company_id}/{day}")
        if result.outcome is not Outcome.DELIVERED:
            self._context.log.warning("the digest of company %s was not sent: %s", company_id, result.error)
            return
        async with self._context.database.write() as connection:
            await told.finish(connection, company_id, day=day)

    async def write(self, company_id: int) -> Message:
        """Write the digest of the 24 hours up to now."""
        lasting = await self._told(company_id, sorted(TO_COMPANIES), since_days=OPEN_DAYS)
        still_open: list[str] = []
        for kind, line, payload in lasting:
            about = company_in(payload)
            if kind == "failure" and about is not None:
                with suppress(NotFound):  # the subscription was deleted meanwhile
                    view = await self._context.subscriptions.get(
                        about, payload["subscription"]["id"], channel=None
                    )
                    if view["health"] in {"retrying", "failing", "disabled"}:
                        still_open.append(line)
        types = [event_type.name for event_type in self._context.events.operational_types()]
        day = [line for _, line, _ in await self._told(company_id, types, since_days=1)]
        whose, link = "all companies and the hub", self._writer.link(None)
        if company_id != OPERATORS:
            whose, link = await self._writer.name(company_id), self._writer.link(company_id)
        body = [
            f"About: {whose}.",
            _listed("Open now", still_open),
            _listed("Told in the last 24 hours, the last of each matter", day),
            link,
        ]
        said = f"Daily digest: {len(still_open)} open, {len(day)} told ({whose})"
        subject, text = " ".join(said.split()), "\n\n".join(filter(None, body))
        return Message("info", subject, text, link="", matter="digest", kind="news")

    async def _told(
        self, company_id: int, types: Sequence[str], *, since_days: int
    ) -> list[tuple[str, str, dict[str, Any]]]:
        """List the newest alert about each matter, if the alert's severity is ``warning`` or higher.

        An item has the alert's kind, a line of text, and the event's payload.
        """
        since_ms = self._context.clock.now_ms() - since_days * DAY_MS
        found = await self._context.activity.events(company_id, types=types, since_ms=since_ms, limit=MOST)
        seen: set[str] = set()
        lines: list[tuple[str, str, dict[str, Any]]] = []
        for event in found.events:
            payload = orjson.loads(event.body)["payload"]
            whose = await self._writer.name(company_in(payload))
            message = messages.write(event.type, payload, whose=whose)
            if message.matter not in seen and message.is_from("warning"):
                at = datetime.fromtimestamp(event.accepted_ms / 1000, UTC)
                lines.append((message.kind, f"{at:%Y-%m-%d %H:%M} UTC: {message.subject}", payload))
            seen.add(message.matter)
        return lines


def _listed(title: str, lines: Sequence[str]) -> str:
    shown = [f"- {line}" for line in lines[:MOST_LINES]] or ["- nothing"]
    more = [f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([f"{title}:", *shown, *more])
