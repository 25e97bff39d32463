"""Messages: an event as a chat shows it, with the titles that its schema gives."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trunkline import EventType, Push

MAX_FIELDS = 10
MAX_TEXT = 1_900
MAX_TITLE = 150
"""Slack accepts ten fields in a section, of 2,000 characters each, and a title of 150."""


def write(push: Push, types: Sequence[EventType]) -> bytes:
    """Write the message about an event: one line for notifications, and blocks for the chat itself."""
    event = json.loads(push.body, parse_float=str)  # 99.00 stays 99.00
    kind = next((one for one in types if one.name == push.event_type), None)
    title = (kind.title if kind else push.event_type)[:MAX_TITLE]
    fields = list(_fields(event["payload"], kind.schema.get("properties", {}) if kind else {}))
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": title}}]
    blocks += [
        {"type": "section", "fields": fields[start : start + MAX_FIELDS]}
        for start in range(0, len(fields), MAX_FIELDS)
    ]
    source = f"Event {push.event_id}, {push.event_type}, {event['createdUtc']}"
    blocks.append({"type": "context", "elements": [_text(_safe(source))]})
    return json.dumps({"text": _safe(title), "blocks": blocks}, ensure_ascii=False).encode()


def _fields(payload: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for name, value in payload.items():
        if value is not None:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            title = properties.get(name, {}).get("title", name)
            yield _text(f"*{_safe(title)}*\n{_safe(shown)}")


def _text(markdown: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": markdown}


def _safe(text: str) -> str:
    """Escape the characters of links and mentions in Slack, so that a payload notifies nobody."""
    return text[:MAX_TEXT].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:MAX_TEXT]
