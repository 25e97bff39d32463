"""Filters whose evaluation costs the hub more than it costs their owner."""

from typing import Any

from attack import LEAD, Answer, Attack
from row import row

CLAUSES = 100


def _nowhere(number: int) -> str:
    """Give a target at which nothing listens."""
    return f"http://127.0.0.1:9/{number}"


async def _match(attack: Attack, clause: dict[str, Any], *, letters: int, events: int) -> None:
    """Give a company 100 subscriptions of 100 clauses that must all be evaluated, and send it batches."""
    await attack.subscribe_dearly(100, _nowhere, [clause] * CLAUSES)
    await attack.repeat(
        lambda _: attack.emit(events, first_name="a" * letters if letters else "Mallory"), pause_seconds=0.5
    )


@row(in_part=("postgresql",), seconds=6)
async def contains_in_long_text(attack: Attack) -> None:
    """100 subscriptions of 100 clauses with `contains`, over batches of 1,000 events with 15 KB of text each."""
    clause = {"metadata.text": {"contains": "a" * 100 + "b"}}
    await attack.subscribe_dearly(100, _nowhere, [clause] * CLAUSES)
    event = {"type": "lead.created", "payload": LEAD, "metadata": {"text": "a" * 15_000}}
    body = {"events": [event] * attack.size(1000, 1000)}
    await attack.repeat(lambda _: attack.call("POST", "/events/batch", body), pause_seconds=1)


@row(seconds=6)
async def dates(attack: Attack) -> None:
    """100 subscriptions of 100 clauses that compare dates, over batches of 1,000 events."""
    await _match(attack, {"payload.created_date": {"lt": "2001-01-28T10:30:00Z"}}, letters=0, events=1000)


@row(seconds=6)
async def numbers(attack: Attack) -> None:
    """100 subscriptions of 100 clauses that compare numbers, over batches of 1,000 events."""
    await _match(attack, {"payload.client_id": {"gt": 10**12}}, letters=0, events=1000)


@row(seconds=6)
async def contains_in_long_lists(attack: Attack) -> None:
    """100 subscriptions of 100 clauses that look through a list of 10,000 items in the metadata."""
    clause = {"metadata.items": {"contains": "nowhere"}}
    await attack.subscribe_dearly(100, _nowhere, [clause] * CLAUSES)
    event = {"type": "lead.created", "payload": LEAD, "metadata": {"items": [f"i{n}" for n in range(10_000)]}}
    body = {"events": [event] * 100}
    await attack.repeat(lambda _: attack.call("POST", "/events/batch", body), pause_seconds=1)


@row()
async def explanations(attack: Attack) -> None:
    """One event is explained repeatedly to 100 subscriptions of 100 clauses."""
    await attack.subscribe_dearly(100, _nowhere, [{"metadata.text": {"contains": "b"}}] * CLAUSES)
    event = {"type": "lead.created", "payload": LEAD, "metadata": {"text": "a" * 200_000}}
    answer = await attack.call("POST", "/events", event)
    number = answer.json().get("id", 1) if answer.status == 201 else 1

    async def explain(_: int) -> Answer:
        return await attack.call("GET", f"/events/{number}/explain")

    await attack.repeat(explain, at_once=4)
