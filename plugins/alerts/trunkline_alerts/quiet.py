"""Suppresses repeated alerts: a problem (*matter*) is reported again only after its end, or after some hours."""

from trunkline import PluginContext, Push
from trunkline_alerts import told
from trunkline_alerts.messages import Message
from trunkline_alerts.settings import Settings
from trunkline_alerts.told import Told


class Quiet:
    """Stores the last alert about each matter for each subscription. News and test messages are not stored."""

    def __init__(self, context: PluginContext[Settings]) -> None:
        self._context = context

    async def why_not(
        self, push: Push, message: Message, *, hours: int, drops_overtaken: bool = False
    ) -> str | None:
        """Return the reason for not sending an alert; None if the alert must be sent.

        With *drops_overtaken*, an alert older than the last sent alert about its matter is not sent, because the
        old alert would open an incident again.
        """
        if not _is_remembered(push, message):
            return None
        async with self._context.database.read() as connection:
            last = await told.last(connection, push.target.subscription_id, message.matter)
        if last is None:
            return None
        repeats, event_id = message.kind == "repeated", int(push.event_id)
        if last.event_id == event_id:
            return "not sent: it was sent before"
        if last.event_id > event_id and (repeats or drops_overtaken):
            return "not sent: something later was told of this matter"
        quiet_until_ms = last.told_ms + hours * 3_600_000
        if repeats and not last.is_over and self._context.clock.now_ms() < quiet_until_ms:
            return f"not sent: this matter was told within {hours} hours"
        return None

    async def note(self, push: Push, message: Message) -> None:
        """Record that an alert was sent."""
        if _is_remembered(push, message):
            now = Told(int(push.event_id), message.kind == "end", self._context.clock.now_ms())
            async with self._context.database.write() as connection:
                way, company_id = push.target.subscription_id, push.target.company_id
                await told.note(connection, way, message.matter, now, company_id=company_id)


def _is_remembered(push: Push, message: Message) -> bool:
    return message.kind != "news" and not push.event_id.startswith("test_")
