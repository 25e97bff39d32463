"""Writes: idempotency keys, quarantine, example events."""

import asyncio

from attack import LEAD, Attack
from row import row

_QUARANTINES = {"VALIDATION__DEFAULT": "quarantine"}
_WRONG = {"type": "lead.created", "payload": {"client_id": "not a number"}}


@row(in_part=("sqlite",))
async def one_idempotency_key(attack: Attack) -> None:
    """The same event under the same idempotency key, a hundred times at once."""

    async def send(turn: int) -> None:
        headers = {"Idempotency-Key": f"k{turn // 100}"}
        await attack.call("POST", "/events", {"type": "lead.created", "payload": LEAD}, headers=headers)

    await attack.repeat(send, at_once=100)


@row()
async def many_idempotency_keys(attack: Attack) -> None:
    """Batches of 1,000 events, each with a new idempotency key of 255 letters."""
    events = {"events": [{"type": "lead.created", "payload": LEAD}] * 1000}

    async def send(turn: int) -> None:
        headers = {"Idempotency-Key": f"{turn:0255}"}
        await attack.call("POST", "/events/batch", events, headers=headers, company=turn % 3)

    await attack.repeat(send, at_once=2)


@row()
async def idempotency_keys_of_actions(attack: Attack) -> None:
    """The same action under the same idempotency key, a hundred times at once."""
    body = {"first_name": "M", "last_name": "D", "email": "same@example.com"}

    async def act(turn: int) -> None:
        headers = {"Idempotency-Key": f"a{turn // 100}"}
        await attack.call("POST", "/integrations/leads", body, headers=headers)

    await attack.repeat(act, at_once=100)


@row()
async def idempotency_keys_of_subscriptions(attack: Attack) -> None:
    """Subscriptions with filters of 60 KB, made under ever new idempotency keys, deleted and asked for again: each answer is stored."""
    members = {"in": [f"{number:0>60}" for number in range(950)]}
    body = {"target_url": "http://127.0.0.1:9/", "event_types": ["*"], "filter": {"metadata.x": members}}
    path = "/webhooks/subscriptions"

    async def make_and_delete(turn: int) -> None:
        headers, company = {"Idempotency-Key": f"{turn:0255}"}, turn % 3
        made = await attack.call("POST", path, body, headers=headers, company=company)
        if made.status == 201:
            await attack.call("DELETE", f"{path}/{made.json()['id']}", company=company)
            again = await attack.call("POST", path, body, headers=headers, company=company)
            attack.noted["stored answers"] += again.body == made.body

    await attack.repeat(make_and_delete, at_once=12)


@row(settings=_QUARANTINES)
async def quarantine_flood(attack: Attack) -> None:
    """Batches of 1,000 events that are quarantined, and lists of them."""
    body = {"events": [_WRONG] * 1000}

    async def send(turn: int) -> None:
        await attack.call("POST", "/events/batch", body, company=turn % 3)
        await attack.call("GET", "/quarantine?limit=100", company=turn % 3)

    await attack.repeat(send, at_once=4)


@row(settings=_QUARANTINES)
async def quarantine_released(attack: Attack) -> None:
    """Thousands of quarantined events are released repeatedly, all at once, in vain."""
    for _ in range(attack.size(10, 3)):
        await attack.call("POST", "/events/batch", {"events": [_WRONG] * 1000})
    await attack.repeat(
        lambda _: attack.call("POST", "/quarantine/release", {"type": "lead.created"}), at_once=4
    )


@row()
async def test_events(attack):
    """Test calls emit as many example events as the limits allow."""
    body = {"type": "lead.created"}
    await attack.repeat(lambda turn: attack.call("POST", "/events/test", body, company=turn % 3), at_once=8)


@row()
async def writes_from_three(attack: Attack) -> None:
    """Three companies send single events with all of their keys, without a pause."""
    event = {"type": "lead.created", "payload": LEAD}

    async def send(turn: int) -> None:
        answer = await attack.call("POST", "/events", event, company=turn % 3)
        if answer.status == 429:
            await asyncio.sleep(0.1)

    await attack.repeat(send, at_once=12, pause_seconds=0.005)
