"""Messages of agents to ``/mcp``, in both eras of the protocol."""

from typing import Any

from attack import Answer, Attack
from row import row

_VERSION = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_LEAD = {"first_name": "M", "last_name": "D", "email": "m@example.com"}


async def _say(
    attack: Attack, method: str, params: dict[str, Any], *, is_modern: bool, company: int = 0
) -> Answer:
    headers = {"Accept": "application/json, text/event-stream"}
    if is_modern:
        headers |= {
            "MCP-Protocol-Version": _VERSION,
            "Mcp-Method": method,
            "Mcp-Name": params.get("name", ""),
        }
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": params | ({"_meta": _META} if is_modern else {}),
    }
    return await attack.call("POST", "/mcp", message, headers=headers, company=company, base="")


@row(in_part=("sqlite",))
async def tools_in_a_loop(attack: Attack) -> None:
    """Agents list tools and call them, right and wrong, as many as the limits let in."""
    calls = (
        ("tools/list", {}),
        ("tools/call", {"name": "create_lead", "arguments": _LEAD}),
        ("tools/call", {"name": "find_lead", "arguments": {"phone": "+1555"}}),
        ("tools/call", {"name": "get_recent_events", "arguments": {"limit": 20, "text": "nowhere"}}),
        ("tools/call", {"name": "explain_event", "arguments": {"event_id": 1000}}),
        ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    )

    async def act(turn: int) -> None:
        method, params = calls[turn % len(calls)]
        await _say(attack, method, params, is_modern=turn % 2 == 0, company=turn % 3)

    await attack.repeat(act, at_once=8)


@row()
async def large_messages(attack: Attack) -> None:
    """Messages as large as they may be hold nothing but arguments that no tool knows, four at a time."""
    arguments = {f"a{number}": [[number]] for number in range(1_700)}

    async def act(turn: int) -> None:
        params = {"name": "create_lead", "arguments": arguments}
        await _say(attack, "tools/call", params, is_modern=turn % 2 == 0, company=turn % 3)

    await attack.repeat(act, at_once=4)
