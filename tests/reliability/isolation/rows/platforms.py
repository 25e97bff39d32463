"""Hooks of Zapier, n8n and Make, subscribed and unsubscribed in a loop."""

from attack import Attack
from row import row


async def _come_and_go(attack: Attack, platform: str) -> None:
    async def come_and_go(turn: int) -> None:
        request = {"target_url": f"http://127.0.0.1:9/{turn % 50}", "event_type": "lead.created"}
        path = f"/{platform}/hooks"
        made = await attack.call("POST", path, request)
        if made.status in {200, 201}:
            await attack.call("DELETE", f"{path}/{made.json()['id']}")
        if turn % 10 == 0:
            await attack.call("GET", path)

    await attack.repeat(come_and_go, at_once=8)


@row()
async def zapier_hooks(attack: Attack) -> None:
    """Hooks of Zapier come and go, eight at a time."""
    await _come_and_go(attack, "zapier")


@row()
async def n8n_hooks(attack: Attack) -> None:
    """Hooks of n8n come and go, eight at a time."""
    await _come_and_go(attack, "n8n")


@row()
async def make_hooks(attack: Attack) -> None:
    """Hooks of Make come and go, eight at a time."""
    await _come_and_go(attack, "make")


@row()
async def the_same_hook(attack: Attack) -> None:
    """The same hook is subscribed by a hundred concurrent calls, repeatedly."""
    request = {"target_url": "http://127.0.0.1:9/same", "event_type": "lead.created"}
    await attack.repeat(lambda _: attack.call("POST", "/zapier/hooks", request), at_once=100)
