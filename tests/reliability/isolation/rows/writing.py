"""Writes: idempotency keys, quarantine, keys that are listed and guessed."""

import asyncio

from attack import LEAD, Attack
from row import row

OK, CREATED = 200, 201
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
    """Batches of 1,000 events under ever new idempotency keys of 255 letters."""
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
    """Thousands of quarantined events are released, all of them again and again, in vain."""
    for _ in range(attack.size(10, 3)):
        await attack.call("POST", "/events/batch", {"events": [_WRONG] * 1000})
    await attack.repeat(
        lambda _: attack.call("POST", "/quarantine/release", {"type": "lead.created"}), at_once=4
    )


@row()
async def keys_listed(attack: Attack) -> None:
    """Keys are listed and made without the right to, eight at a time."""

    async def ask(turn: int) -> None:
        await attack.call("GET", "/keys", company=turn % 3)
        await attack.call("POST", "/keys", {"name": "mine", "scopes": ["operator"]}, company=turn % 3)

    await attack.repeat(ask, at_once=8)


@row()
async def keys_rotated(attack: Attack) -> None:
    """A key is replaced by a new one, whose minute is fresh, and so on, by four at a time, and all keys are listed."""
    held = list(attack.companies[1].keys)

    async def rotate(turn: int) -> None:
        key = held[turn % len(held)]
        listed = await attack.call("GET", "/keys", key=key)
        own = (
            [each["id"] for each in listed.json()["keys"] if key.endswith(each["last4"])]
            if listed.status == OK
            else []
        )
        for key_id in own:
            made = await attack.call("POST", f"/keys/{key_id}/rotate", {"overlap_seconds": 0}, key=key)
            if made.status == CREATED:
                held[turn % len(held)] = made.json()["key"]

    await attack.repeat(rotate, at_once=4)


@row()
async def keys_guessed(attack: Attack) -> None:
    """Keys are guessed, eight at a time, without a pause."""

    async def guess(turn: int) -> None:
        await attack.call("GET", "/events", key=f"wlcro_live_7_{turn:043}")

    await attack.repeat(guess, at_once=8, pause_seconds=0.01)


@row()
async def keys_guessed_at_length(attack: Attack) -> None:
    """Keys of 8,000 letters, as heads may be that long, are guessed."""

    async def guess(turn: int) -> None:
        await attack.call("GET", "/events", key=f"wlcro_live_7_{turn:08000}")

    await attack.repeat(guess, at_once=4)


@row()
async def test_events(attack: Attack) -> None:
    """Example events are emitted by test calls, as many as the limits let in."""
    body = {"type": "lead.created"}
    await attack.repeat(lambda turn: attack.call("POST", "/events/test", body, company=turn % 3), at_once=8)


@row()
async def writes_from_three(attack: Attack) -> None:
    """Three companies send single events, each with all its keys and without a pause."""
    event = {"type": "lead.created", "payload": LEAD}

    async def send(turn: int) -> None:
        answer = await attack.call("POST", "/events", event, company=turn % 3)
        if answer.status == 429:
            await asyncio.sleep(0.1)

    await attack.repeat(send, at_once=12, pause_seconds=0.005)
