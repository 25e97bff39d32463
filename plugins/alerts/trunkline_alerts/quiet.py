"""Quiet: a matter that was told is not told again until it ends, or until some hours are over."""

from trunkline import PluginContext, Push
from trunkline_alerts import told
from trunkline_alerts.messages import Message
from trunkline_alerts.settings import Settings
from trunkline_alerts.told import Told


class Quiet:
    """Remembers, for each way, the last alert about each matter. News are not remembered, and tests neither."""

    def __init__(self, context: PluginContext[Settings]) -> None:
        self._context = context

    async def why_not(self, push: Push, message: Message, *, hours: int) -> str | None:
        """Say why an alert is not to be sent; None if it is. One that was overtaken by a later one about its matter is not."""
        if not _is_remembered(push, message):
            return None
        async with self._context.database.read() as connection:
            last = await told.last(connection, push.target.subscription_id, message.matter)
        if last is None:
            return None
        if last.event_id >= int(push.event_id):
            return "not sent: it was told of this matter before, or of something later"
        quiet_until_ms = last.told_ms + hours * 3_600_000
        if message.kind == "repeated" and not last.is_over and self._context.clock.now_ms() < quiet_until_ms:
            return f"not sent: it was told of this matter within {hours} hours"
        return None

    async def note(self, push: Push, message: Message) -> None:
        """Note that an alert was sent."""
        if _is_remembered(push, message):
            now = Told(int(push.event_id), message.kind == "end", self._context.clock.now_ms())
            async with self._context.database.write() as connection:
                way, company_id = push.target.subscription_id, push.target.company_id
                await told.note(connection, way, message.matter, now, company_id=company_id)


def _is_remembered(push: Push, message: Message) -> bool:
    return message.kind != "news" and not push.event_id.startswith("test_")
