"""A company with data: events of a day, working and failing subscriptions, keys, a replay."""

import contextlib
import math
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.plugins.conftest import ServedHub
from tests.plugins.portal.browser.target import Target
from tests.waiting import wait_for

from trunkline.store.health import Tally

_DAY_MS = 24 * 60 * 60 * 1000
_ROUNDS = 12
_QUARANTINED = "client.created"
_MOVES = (
    "UPDATE events SET accepted_ms = accepted_ms - ? WHERE position = ?",
    "UPDATE deliveries SET updated_ms = updated_ms - ? WHERE position = ? AND replay_no IS NULL",
    """UPDATE attempts SET started_ms = started_ms - ? WHERE position = ? AND NOT EXISTS (
        SELECT 1 FROM deliveries AS d WHERE d.position = attempts.position AND d.subscription_no = attempts.subscription_no
        AND d.replay_no IS NOT NULL AND attempts.number > d.round_start)""",
)
_HAPPENED = re.compile(rb'(?<="createdUtc":")[^"]+')


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of people and targets; each is shown somewhere."""

    first_name: str = "Jane"
    description: str = "All events to our CRM"
    failing: str = "Warehouse, being moved"
    path: str = "hooks"
    answer: str = '{"error": "the database is being moved"}'
    key_name: str = "Zapier"
    company: str = "Acme Repairs"
    field: str = "nickname"


@dataclass(frozen=True, slots=True)
class SeededHub:
    """A hub with data, and the ids of one record of each kind."""

    hub: ServedHub
    target: Target
    operator_key: str = field(repr=False)
    key_id: str
    subscription: str
    failing: str
    paused: str
    hook: str
    event: int
    failed_event: int
    delivery: str
    failed_delivery: str
    replay: str
    quarantined: str

    @property
    def url(self) -> str:
        return self.hub.url

    @property
    def key(self) -> str:
        return self.hub.key


def seed(hub: ServedHub, target: Target, words: Words = Words()) -> SeededHub:
    subscription, failing, paused, hook = _make_subscriptions(hub, target, words)
    operator_key = _make_keys(hub, words)
    named = {"json": {"name": words.company}, "headers": {"X-Api-Key": operator_key}}
    hub.call("PATCH", "/api/v1/companies/92", **named)
    _let_an_agent_work(hub)
    _settle(hub, f"/api/v1/subscriptions/{subscription}/deliveries", _send_events(hub, words))
    _settle(hub, f"/api/v1/subscriptions/{failing}/deliveries", None)
    replay = hub.call(
        "POST", f"/api/v1/subscriptions/{subscription}/replay", json={"event_types": ["document.uploaded"]}
    )
    delivered = hub.call("GET", f"/api/v1/subscriptions/{subscription}/deliveries")["deliveries"]
    failed = hub.call("GET", f"/api/v1/subscriptions/{failing}/deliveries")["deliveries"]
    wait_for(
        "the replay ended", lambda: hub.call("GET", f"/api/v1/replays/{replay['id']}")["status"] != "running"
    )
    _restart_a_day_later(hub)
    return SeededHub(
        hub=hub,
        target=target,
        operator_key=operator_key,
        key_id=hub.call("GET", "/api/v1/keys")["keys"][0]["id"],
        subscription=subscription,
        failing=failing,
        paused=paused,
        hook=hook,
        event=delivered[0]["event_id"],
        failed_event=failed[0]["event_id"],
        delivery=delivered[0]["id"],
        failed_delivery=failed[0]["id"],
        replay=replay["id"],
        quarantined=_quarantine(hub, words),
    )


def link_of(hub: ServedHub, operator_key: str, scopes: list[str]) -> str:
    """Make a link for Jane of company 92; return its address."""
    body = {"company_id": 92, "name": "jane.doe@example.com", "scopes": scopes}
    answer = hub.call("POST", "/api/v1/portal/links", headers={"X-Api-Key": operator_key}, json=body)
    url: str = answer["url"]
    return url


def _let_an_agent_work(hub: ServedHub) -> None:
    """Call tools: two with a result, one that is refused, and one that does not exist."""
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    calls = (
        ("find_lead", {"email": "jane@example.com"}),
        ("create_lead", {}),
        ("employees", {}),
        ("none", {}),
    )
    for name, arguments in calls:
        params = {"name": name, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        hub.call("POST", "/mcp", json=message, headers=headers)


def _make_subscriptions(hub: ServedHub, target: Target, words: Words) -> tuple[str, str, str, str]:
    """Make a working, a failing and a paused subscription, and a hook of Zapier; return their ids."""
    good, bad = f"/{words.path}/leads", f"/{words.path}/warehouse"
    target.answer(200, body="taken", path=good)
    target.answer(500, body=words.answer, headers={"content-type": "text/html"}, path=bad)
    working = _subscribe(hub, target.url + good, ["*"], description=words.description)
    failing = _subscribe(hub, target.url + bad, ["payment.failed", "lead.created"], description=words.failing)
    paused = _subscribe(
        hub,
        f"{target.url}/{words.path}/paused",
        ["client.created"],
        filter={"payload.status": {"eq": "Client"}},
    )
    hub.call("PATCH", f"/api/v1/webhooks/subscriptions/{paused}", json={"status": "paused"})
    body = {"target_url": f"{target.url}/zap", "event_types": ["lead.created"]}
    return working, failing, paused, hub.call("POST", "/api/v1/zapier/hooks", json=body)["id"]


def _make_keys(hub: ServedHub, words: Words) -> str:
    """Make two keys of the company, and an operator's key; return the latter."""
    for name in (words.key_name, "Reporting"):
        hub.make_key("events:read", name=name)
    return hub.make_key(company_id=None, name="on call")


def _restart_a_day_later(hub: ServedHub) -> None:
    """Spread the past events over a day, and quarantine a type from now on."""
    hub.stop()
    _spread_over_a_day(hub)
    hub.environment = {
        **hub.environment,
        "TRUNKLINE_VALIDATION__TYPES": f'{{"{_QUARANTINED}": "quarantine"}}',
    }
    hub.start()


def _quarantine(hub: ServedHub, words: Words) -> str:
    """Send an event that breaks its schema in three places; return its id in the quarantine."""
    kind = hub.call("GET", f"/api/v1/event-types/{_QUARANTINED}")
    payload = {**kind["example"], "email": words.first_name, "status_id": "10", words.field: words.first_name}
    event = {"type": _QUARANTINED, "payload": payload, "metadata": {"source": words.first_name}}
    event_id: str = hub.call("POST", "/api/v1/events", json=event)["quarantined"]["id"]
    return event_id


def _subscribe(hub: ServedHub, url: str, types: list[str], **more: Any) -> str:
    body = {"target_url": url, "event_types": types, **more}
    subscription: str = hub.call("POST", "/api/v1/webhooks/subscriptions", json=body)["id"]
    return subscription


def _send_events(hub: ServedHub, words: Words) -> int:
    """Send events of every type, in an uneven order; return the last id."""
    listed = hub.call("GET", "/api/v1/event-types")["event_types"]
    types = [kind for kind in listed if not kind["operational"]]
    last = 0
    for number in range(_ROUNDS):
        chosen = [kind for no, kind in enumerate(types) if number % (no % 4 + 1) == 0]
        events = [{"type": kind["type"], "payload": _payload(kind, number, words)} for kind in chosen]
        answer = hub.call("POST", "/api/v1/events/batch", json={"events": events})
        last = answer["events"][-1]["id"]
    return last


def _payload(kind: dict[str, Any], number: int, words: Words) -> dict[str, Any]:
    payload: dict[str, Any] = dict(kind["example"])
    if "first_name" in payload:
        payload["first_name"] = words.first_name
    return payload


def _settle(hub: ServedHub, path: str, event_id: int | None) -> None:
    """Wait until no delivery in the log is pending, and *event_id* is in the log."""

    def is_settled() -> bool:
        deliveries = hub.call("GET", path, params={"limit": "100"})["deliveries"]
        has_it = event_id is None or any(delivery["event_id"] == event_id for delivery in deliveries)
        return (
            bool(deliveries)
            and has_it
            and all(delivery["status"] not in {"pending", "queued"} for delivery in deliveries)
        )

    wait_for("every delivery ended", is_settled)


def _spread_over_a_day(hub: ServedHub) -> None:
    """Move the times of events, deliveries and attempts back, so that they cover the last day.

    Some hours have more events than others. Attempts of a replay stay, because the replay is of now.
    """
    with contextlib.closing(sqlite3.connect(hub.folder / "trunkline.db")) as database, database:
        events = database.execute("SELECT position, body FROM events ORDER BY position").fetchall()
        for number, (position, body) in enumerate(events):
            share = number / (len(events) - 1)
            back = int(0.96 * _DAY_MS * (1 - share - 0.07 * math.sin(4 * math.pi * share)))
            for statement in _MOVES:
                database.execute(statement, (back, position))
            moved = _HAPPENED.sub(lambda match, back=back: _earlier(match[0], back), body, count=1)
            database.execute("UPDATE events SET body = ? WHERE position = ?", (moved, position))
        tally = Tally()
        for no, started_ms, duration_ms, outcome in database.execute(
            "SELECT subscription_no, started_ms, duration_ms, outcome FROM attempts"
        ):
            is_delivered = outcome == "delivered"
            tally.add(no, started_ms=started_ms, duration_ms=duration_ms, is_delivered=is_delivered)
        database.execute("DELETE FROM health_hours")
        rows = tally.rows()
        database.executemany(f"INSERT INTO health_hours VALUES ({', '.join('?' * len(rows[0]))})", rows)
        database.execute(f"UPDATE subscriptions SET created_ms = created_ms - {2 * _DAY_MS}")
        for column, which in {"failing_since_ms": "min", "failed_ms": "max"}.items():
            database.execute(
                f"UPDATE subscriptions SET {column} = (SELECT {which}(started_ms) FROM attempts"
                f" WHERE subscription_no = no) WHERE {column} IS NOT NULL"
            )
        database.execute(f"UPDATE subscriptions SET updated_ms = updated_ms - {_DAY_MS // 8}")
        database.execute(f"UPDATE api_keys SET created_ms = created_ms - {3 * _DAY_MS}")


def _earlier(utc: bytes, back_ms: int) -> bytes:
    at = datetime.fromisoformat(utc.decode()) - timedelta(milliseconds=back_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
