"""``/llms.txt`` (llmstxt.org): links for a model that knows only the hub's address."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from trunkline import PluginContext
from trunkline.routes import DeferredRoute, Routes
from trunkline_mcp.resource_metadata import WELL_KNOWN

_TEXT = """\
# {title}

> The integration hub of {title}: what happens there as signed webhooks, by polling and as a stream; its records by HTTP calls, and by tools for agents.

Each call takes a key or an access token in the header `Authorization: Bearer`. The API is at `{base}/api/v1`. Deliveries come at least once: tell repeats by the event's id.

## Agents

- [MCP server]({base}/mcp): Streamable HTTP; each action, search and lookup is a tool, and events come by `events/poll`, `events/stream` and `events/subscribe`
- [Who gives tokens]({base}{well_known}/mcp): OAuth 2.0 protected resource metadata

## HTTP

- [OpenAPI 3.1]({base}/openapi.json): every call, with schemas and examples
- [AsyncAPI 3.1]({base}/asyncapi.json): every event type, with its payload's schema
"""
_EVENTS = """\

## Events and calls, page by page

- [Event documentation]({base}/docs/events/llms.txt): each event type and each call as Markdown, and how signatures are verified
"""


def make_routes(context: PluginContext) -> Routes:
    """List the route."""
    deployment = context.deployment

    async def show(request: Request) -> Response:
        """List the addresses on this hub that are useful to a model and that anybody may read."""
        facts = {
            "title": deployment.brand.title,
            "base": deployment.address(str(request.base_url)),
            "well_known": WELL_KNOWN,
        }
        runs = {plugin["name"] for plugin in deployment.plugins() if plugin["state"] == "active"}
        text = _TEXT + (_EVENTS if "docs" in runs else "")
        return PlainTextResponse(text.format(**facts), headers={"Cache-Control": "no-cache"})

    router = APIRouter(include_in_schema=False, route_class=DeferredRoute)
    router.add_api_route("", show, methods=["GET"], summary="Find everything that this hub has for a model")
    return Routes(router, prefix="/llms.txt", base="")
