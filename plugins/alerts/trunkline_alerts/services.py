"""The channels of alerts that a company subscribes to: chat rooms and PagerDuty."""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from trunkline import Channel, HttpClient, Outcome, PluginContext, Push, Result, post_by_http
from trunkline_alerts.messages import Message, Severity
from trunkline_alerts.quiet import Quiet
from trunkline_alerts.settings import QUIET_HOURS, QuietHours, Settings
from trunkline_alerts.writing import Writer

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
_CALL = re.compile(r"(?<!\w)@(?=(?:all|channel|here)\b)", re.IGNORECASE)
"""The beginning of a call to everybody in a room of Mattermost."""
_URL = r"^https?://[^\s/?#]+\S*$"
_FROM = "the lowest severity that is sent; the end of a problem is always sent"


def _check_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("https://", "http://")):
        msg = "must begin with https://"
        raise ValueError(msg)
    return url


class Room(BaseModel):
    """A chat room with an incoming webhook."""

    room: str = Field(
        title="Room", description="your name for it", examples=["#integrations"], min_length=1, max_length=100
    )
    url: Annotated[SecretStr, AfterValidator(_check_url)] = Field(
        title="Webhook URL",
        description="the URL of its incoming webhook",
        examples=["https://chat.example.com/hooks/abc"],
        min_length=10,
        max_length=2000,
    )
    form: Literal["slack", "teams"] = Field(
        default="slack", title="Form", description="`slack` for Slack and Mattermost, `teams` for Teams"
    )
    from_severity: Severity = Field(default="info", title="From severity", description=_FROM)
    quiet_hours: QuietHours = QUIET_HOURS


class Service(BaseModel):
    """A service of PagerDuty with an Events API v2 integration."""

    service: str = Field(
        title="Service",
        description="your name for it",
        examples=["Integrations"],
        min_length=1,
        max_length=100,
    )
    routing_key: SecretStr = Field(
        title="Integration key", description="the key of its integration", min_length=1, max_length=200
    )
    url: str = Field(
        default=PAGERDUTY_URL,
        title="URL",
        description="URL of PagerDuty's Events API",
        pattern=_URL,
        max_length=2000,
    )
    from_severity: Severity = Field(default="warning", title="From severity", description=_FROM)
    quiet_hours: QuietHours = QUIET_HOURS


class Poster:
    """Posts alerts by HTTP."""

    def __init__(self, context: PluginContext[Settings]) -> None:
        self._writer = Writer(context)
        self._quiet = Quiet(context)

    async def chat(self, push: Push[Room], http: HttpClient) -> Result:
        """Write an alert into a room."""
        room, message = push.target.config, await self._writer.write(push)
        url, body = room.url.get_secret_value(), chat_body(message, room.form)
        return await self._post(push, http, message, url=url, body=body)

    async def pagerduty(self, push: Push[Service], http: HttpClient) -> Result:
        """Open or resolve an incident."""
        service, message = push.target.config, await self._writer.write(push)
        body = pagerduty_body(message, service.routing_key.get_secret_value())
        return await self._post(push, http, message, url=service.url, body=body)

    async def _post(
        self, push: Push[Any], http: HttpClient, message: Message, *, url: str, body: dict[str, Any]
    ) -> Result:
        options: Room | Service = push.target.config
        if not message.is_from(options.from_severity):
            return Result(Outcome.DELIVERED, response_body=f"not sent: its severity is {message.severity}")
        reason = await self._quiet.why_not(
            push, message, hours=options.quiet_hours, drops_overtaken=isinstance(options, Service)
        )
        if reason is not None:
            return Result(Outcome.DELIVERED, response_body=reason)
        headers = {"content-type": "application/json", "webhook-id": push.event_id}  # equal on each attempt
        result = await post_by_http(push, http, url=url, body=orjson.dumps(body), headers=headers)
        if result.outcome is Outcome.DELIVERED:
            await self._quiet.note(push, message)
        # a service answers 400 to a message that it will never take
        return replace(result, outcome=Outcome.REJECTED) if result.status_code == 400 else result


def chat_body(message: Message, form: Literal["slack", "teams"]) -> dict[str, Any]:
    """Return the body for an incoming webhook: text for Slack and Mattermost, an adaptive card for Teams.

    Values of events, which anybody may have entered, make no link that hides its address, and call nobody.
    """
    subject, body = (
        _CALL.sub("@\u200b", text.replace("](", "] (")) for text in (message.subject, message.body)
    )
    if form == "slack":
        text = f"*{subject}*\n{body}"
        for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, written)
        return {"text": text}
    blocks = [
        {"type": "TextBlock", "text": subject, "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": body, "wrap": True},
    ]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def pagerduty_body(message: Message, routing_key: str) -> dict[str, Any]:
    """Return an event of Events API v2. Each matter is one incident; the matter's end resolves it."""
    event = {"routing_key": routing_key, "dedup_key": message.matter}
    if message.kind == "end":
        return {**event, "event_action": "resolve"}
    payload = {
        "summary": message.subject[:1024],
        "source": "trunkline",
        "severity": message.severity,
        "custom_details": {"text": message.body},
    }
    links = [{"href": message.link, "text": "Portal"}] if message.link else []
    return {**event, "event_action": "trigger", "payload": payload, "links": links}


def make_channels(context: PluginContext[Any]) -> list[Channel]:
    """Make both channels."""
    poster = Poster(context)
    return [
        Channel(
            "alerts_chat",
            "Alerts in a chat room",
            "Writes each event as a message into a room of Slack, Mattermost or Teams.",
            poster.chat,
            target=Room,
        ),
        Channel(
            "alerts_pagerduty",
            "Alerts by PagerDuty",
            "Opens an incident in PagerDuty, and resolves it when its matter is over.",
            poster.pagerduty,
            target=Service,
        ),
    ]
