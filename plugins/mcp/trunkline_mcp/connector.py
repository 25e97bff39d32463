"""The connector ``mcp``: the files for connecting an agent, made from the catalogue."""

import json
from collections.abc import Mapping

from trunkline import Definition, Json
from trunkline.pages import Product
from trunkline_mcp.names import name_tools

PATH = "/mcp"
STEPS = (
    "Make a key for each agent, with as few scopes as its work needs.",
    "Give the agent's client the address, and the key as a bearer token: mcp.json is what clients with a file of servers read.",
    "Let the client list its tools: it shows those that the key's scopes allow.",
)


def client_file(slug: str, address: str) -> dict[str, Json]:
    """Write the client configuration for the server; the user has to fill in the key."""
    server = {"type": "http", "url": address, "headers": {"Authorization": "Bearer YOUR_API_KEY"}}
    return {"mcpServers": {slug: server}}


def claude_command(slug: str, address: str) -> str:
    """Write the command that adds the server to Claude Code."""
    return f'claude mcp add --transport http {slug} {address} --header "Authorization: Bearer $API_KEY"'


def headers_of(address: str) -> str:
    """Write the address of the server and the header with the key."""
    return f"POST {address}\nAuthorization: Bearer YOUR_API_KEY"


def generate(product: Product) -> Mapping[str, bytes]:
    """Make the clients' configuration file, and the list of tools for choosing scopes."""
    slug, address = product.brand.slug or "hub", f"{product.api_url}{PATH}"
    file = json.dumps(client_file(slug, address), indent=2) + "\n"
    return {"mcp.json": file.encode(), "README.md": _readme(product, slug, address).encode()}


def _readme(product: Product, slug: str, address: str) -> str:
    names = name_tools((*product.actions, *product.searches, *product.lookups))
    tools = {
        names[one.kind, one.name]: one for one in (*product.lookups, *product.searches, *product.actions)
    }
    writing = {name: one for name, one in tools.items() if one.kind == "action"}
    reading = {name: one for name, one in tools.items() if one.kind != "action"}
    lines = [
        f"# {product.brand.title} for agents",
        "",
        f"An MCP server (Streamable HTTP) at `{address}`. An API key as a bearer token says who calls and what it may do.",
        "",
        "```sh",
        claude_command(slug, address),
        "```",
        "",
        "Other clients read `mcp.json`.",
        "",
        *_tools("Tools that read (`integrations:read`)", reading),
        *_tools("Tools that change records (`integrations:write`)", writing),
        "## Events (`events:read`)",
        "",
        "`get_recent_events` lists them and `explain_event` tells why one did not arrive. They are of these types:",
        "",
        *(f"- `{event_type.name}`: {event_type.description}" for event_type in product.event_types),
    ]
    return "\n".join(lines) + "\n"


def _tools(title: str, tools: Mapping[str, Definition]) -> list[str]:
    if not tools:
        return []
    return [f"## {title}", "", *(f"- `{name}`: {one.description}" for name, one in tools.items()), ""]
