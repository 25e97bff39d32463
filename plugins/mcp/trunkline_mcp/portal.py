"""The portal's page about agents: it shows how to connect them, and the calls that they made."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from trunkline import PluginContext
from trunkline.pages import PortalPage, PortalRequest
from trunkline_mcp import call_store, calls, connector
from trunkline_mcp.call_store import CalledTool, ListedCall

SHOWN = 50
_ICON = (
    '<svg class="icon" viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.75" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
    '<rect x="4" y="8" width="16" height="11" rx="2"/><path d="M12 8V4M9 13h.01M15 13h.01M9 16h6M2 13v2M22 13v2"/></svg>'
)
_KEYS = "admin"
"""The scope for seeing calls: people who may see keys may also see the calls made with these keys."""
_WORDS = {
    "done": ("good", "done"),
    "refused": ("warn", "refused"),
    "failed": ("bad", "failed"),
    "forbidden": ("warn", "not allowed"),
    "unknown": ("warn", "no such tool"),
    "left": ("warn", "agent left"),
}


def make_page(context: PluginContext) -> PortalPage:
    """Make the page that shows a company's people the tools and the calls of agents."""

    async def render(request: PortalRequest) -> str:
        product = context.deployment.product()
        address = f"{product.api_url}{connector.PATH}"
        how = _how(product.brand.slug or "hub", address)
        if not request.principal.has(_KEYS):
            return how + _note("What agents did is shown to keys with the scope admin, as keys are.")
        before = request.query.get("before", "")
        is_number = before.isascii() and before.isdigit() and len(before) < 19
        async with context.database.read() as connection:  # one call more shows that there is another page
            listed = await call_store.newest(
                connection, request.company_id, limit=SHOWN + 1, before=int(before) if is_number else None
            )
        if not listed:
            return how + _note("No agent has called a tool yet, or these were the oldest calls.")
        return f'<div class="stack">{_listing(listed)}{how}</div>'

    return PortalPage("agents", "Agents", render, scope="integrations:read", icon=_ICON)


def _how(slug: str, address: str) -> str:
    ways: Sequence[tuple[str, str]] = (
        ("Claude Code", connector.claude_command(slug, address)),
        ("A client with a file of servers", json.dumps(connector.client_file(slug, address), indent=2)),
        ("An agent framework or a program", connector.headers_of(address)),
    )
    shown = "".join(f"<h3>{escape(title)}</h3>{_code(title, text)}" for title, text in ways)
    return (
        '<section class="card stack" aria-labelledby="connect"><h2 id="connect">Connect an agent</h2>'
        "<p>An agent connects by MCP (Streamable HTTP) to this address, and finds each action, search and lookup as a tool:</p>"
        f"{_code('Address', address)}"
        "<p>It needs an API key of its own, as a bearer token. Its scopes are what it may do: <code>integrations:read</code> to "
        "find records, <code>integrations:write</code> to change them, <code>events:read</code> to see events. An application that "
        "signs its users in by OAuth, such as ChatGPT, takes the address alone, where this hub lets applications in so.</p>"
        f"{shown}</section>"
    )


def _listing(read: Sequence[ListedCall]) -> str:
    listed = read[:SHOWN]
    older = listed[-1].no if len(read) > SHOWN else None
    head = "".join(f'<th scope="col">{title}</th>' for title in ("When", "Who", "Tool", "Outcome", "Took"))
    rows = "".join(_row(one.call) for one in listed)
    counts = Counter(_WORDS.get(one.call.outcome, ("", one.call.outcome))[1] for one in listed)
    summary = ", ".join(f"{number} {words}" for words, number in counts.items())
    more = ""
    if older is not None:
        more = f'<nav class="pager" aria-label="Pages of the list"><a class="button" href="?before={older}" rel="next">Older</a></nav>'
    return (
        '<section aria-labelledby="did"><h2 id="did">What agents did</h2>'
        f'<p class="muted">Of these {len(listed)}: {summary}. Kept are the newest {calls.KEPT:,} calls, for as long as events are; '
        "what was sent and answered is not stored.</p>"
        '<div class="table-frame"><table class="table"><caption class="visually-hidden">Calls of tools</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}</section>"
    )


def _row(call: CalledTool) -> str:
    tone, words = _WORDS.get(call.outcome, ("plain", call.outcome))
    tool = f"<code>{escape(call.tool)}</code>" if call.tool else '<span class="muted">&ndash;</span>'
    at = datetime.fromtimestamp(call.called_ms / 1000, tz=UTC)
    text, utc = f"{at.day} {at:%b %Y, %H:%M:%S} UTC", at.isoformat(timespec="milliseconds")
    return (
        f'<tr><td data-label="When"><time datetime="{utc.replace("+00:00", "Z")}" title="{text}">{text}</time></td>'
        f'<th scope="row" data-label="Who">{escape(call.key_name)}<br><span class="muted mono">{escape(call.key_id)}</span></th>'
        f'<td data-label="Tool">{tool}</td>'
        f'<td data-label="Outcome"><span class="badge is-{tone}">{escape(words)}</span></td>'
        f'<td data-label="Took">{call.duration_us / 1000:,.1f} ms</td></tr>'
    )


def _code(label: str, text: str) -> str:
    return f'<div class="code" data-copy><pre tabindex="0" role="group" aria-label="{escape(label)}"><code>{escape(text)}</code></pre></div>'


def _note(sentence: str) -> str:
    return f'<section class="card"><h2>What agents did</h2><p class="muted">{escape(sentence)}</p></section>'
