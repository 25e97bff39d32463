"""The texts of alerts: one template for each operational event type. Pure; docs/reference/alerts.md has the subjects."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from msgspec import Struct

Severity = Literal["info", "warning", "error", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
"""PagerDuty's severities, lowest first."""
Kind = Literal["news", "failure", "repeated", "end"]
"""*news* happens once. A *failure* lasts until its *end*. A *repeated* alert comes every minute while its cause lasts."""


class Template(Struct, frozen=True):
    """The texts of one event type; braces name ``waiting``, ``last_answer`` or members of the event's payload."""

    severity: Severity
    subject: str
    facts: str
    to_do: str
    kind: Kind = "news"


class Message(Struct, frozen=True):
    """An alert.

    All alerts about one problem have the same *matter*, also the alert about its end. *link* may be empty.
    """

    severity: Severity
    subject: str
    body: str
    link: str
    matter: str
    kind: Kind

    def is_from(self, least: Severity) -> bool:
        """Return whether the alert has severity *least* or higher; the alert about an end always counts."""
        return self.kind == "end" or SEVERITIES.index(self.severity) >= SEVERITIES.index(least)


_TARGET = "{subscription[target_url]}"
TEMPLATES: Mapping[str, Template] = {
    "subscription.failing": Template(
        "error",
        f"Deliveries to {_TARGET} fail",
        f"Deliveries to {_TARGET} have failed since {{failing_since_utc}}: {{failures}} attempts in a row.\n"
        "Last answer: {last_answer}.\nDeliveries that wait: {waiting}.",
        "Fix the target. The hub keeps the events and tries again.",
        "failure",
    ),
    "subscription.disabled": Template(
        "critical",
        f"Deliveries to {_TARGET} are disabled",
        f"The hub has disabled the subscription to {_TARGET}. Reason: {{reason}}.\n"
        "Failing since: {failing_since_utc}. Failed attempts in a row: {failures}.\nDeliveries that wait: {waiting}.",
        "Fix the target, then resume the subscription. It gets the events that it missed.",
        "failure",
    ),
    "subscription.recovered": Template(
        "info",
        f"Deliveries to {_TARGET} succeed again",
        f"The target {_TARGET} takes events again. Failing since: {{failing_since_utc}}.\nDeliveries that wait: {{waiting}}.",
        "Nothing.",
        "end",
    ),
    "delivery.exhausted": Template(
        "error",
        f"{{count}} deliveries to {_TARGET} failed for good",
        f"In the minute from {{minute_utc}}, {{count}} deliveries to {_TARGET} failed at their last attempt "
        "(events {first_event_id} to {last_event_id}).\nDeliveries that wait: {waiting}.",
        "Fix the target, then replay the subscription's failed deliveries.",
        "repeated",
    ),
    "quarantine.received": Template(
        "warning",
        "{count} events of type {type} are in quarantine",
        "In the minute from {minute_utc}, {count} events of type {type} broke their schema. They are not delivered.",
        "Fix the emitter or the schema, then release the events.",
        "repeated",
    ),
    "key.created": Template(
        "info", "API key '{key[name]}' was created", "The key ends in {key[last4]}.", "Revoke it if nobody of you made it."
    ),
    "key.rotated": Template(
        "info",
        "API key '{key[name]}' was rotated",
        "The key that ends in {key[last4]} is valid until {key[expires_utc]}. Its successor ends in {successor[last4]}.",
        "Use the successor from now on.",
    ),
    "key.revoked": Template(
        "info", "API key '{key[name]}' was revoked", "The key that ended in {key[last4]} is refused.", "Nothing."
    ),
    "key.expiring": Template(
        "warning",
        "API key '{key[name]}' ends soon",
        "The key that ends in {key[last4]} is refused from {key[expires_utc]} on.",
        "Rotate the key, and use its successor.",
    ),
    "app.connected": Template(
        "info", "{app} was connected", "The app {app} may call the API.", "Disconnect it if nobody of you allowed it."
    ),
    "app.disconnected": Template(
        "info", "{app} was disconnected", "The app {app} may not call the API any more.", "Connect it again if you need it."
    ),
    "replay.ended": Template(
        "info",
        f"A replay to {_TARGET} is {{status}}",
        f"The replay {{replay_id}} to {_TARGET} is {{status}}. Events: {{matched}}. Delivered: {{delivered}}.",
        "Nothing.",
    ),
    "limit.near": Template(
        "warning",
        "The limit '{limit}' is near",
        "{used} of {allowed} are in use.",
        "Remove what nobody uses, or ask the operators for a higher limit.",
    ),
    "target.certificate_expiring": Template(
        "warning",
        "The certificate of {host} ends soon",
        "The certificate at {host}:{port} ends at {expires_utc}. Deliveries fail from then on.",
        "Renew the certificate.",
    ),
    "hub.cannot_store": Template(
        "critical",
        "The hub could not store events",
        "The hub refused events from {since_utc} to {until_utc}. Reason: {reason}.",
        "Remove the cause. Emitters were answered 503: see that they have sent their events again.",
    ),
    "hub.behind": Template(
        "error",
        "The hub is behind",
        "Events have waited for {lag_seconds} seconds. Events that wait: {waiting}.",
        "Start more workers, or look at the database's load.",
    ),
}  # fmt: skip
OTHER = Template("info", "{type}", "{payload}", "Nothing.")
"""The template for an event that is not operational."""


def write(
    event_type: str, payload: Mapping[str, Any], *, whose: str, link: str = "", waiting: int = 0
) -> Message:
    """Write the alert about an event.

    *whose* is the company's name in sentences; *waiting* counts waiting deliveries.
    """
    template = TEMPLATES.get(event_type, OTHER)
    if template is OTHER:
        payload = {"type": event_type, "payload": orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode()}
    status, error = payload.get("last_status_code"), payload.get("last_error")
    told = {
        "waiting": waiting,
        "last_answer": f"status {status}" if status is not None else error or "none",
        **{name: "unknown" if value is None else value for name, value in payload.items()},
    }
    subject = f"{template.subject.format_map(told)} ({whose})"
    lines = [f"About: {whose}.", template.facts.format_map(told), f"What to do: {template.to_do}", link]
    company = (payload.get("company_id", whose), payload.get("environment"), payload.get("type"))
    about = payload.get("subscription", {}).get("id") or "/".join(map(str, (event_type, *company)))
    subject, body = " ".join(subject.split()), "\n\n".join(filter(None, lines))
    return Message(template.severity, subject, body, link, about, template.kind)
