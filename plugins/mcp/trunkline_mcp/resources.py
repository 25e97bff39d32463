"""Resources for agents: event types with their schemas, tools in their full form, and the documentation as Markdown.

Any key may read them, because they are public; reading events needs the scope ``events:read``. The pages come from the
plugin ``docs``, if it runs.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress

import orjson
from mcp_types import Resource, ResourceTemplate, TextResourceContents

from trunkline import EventType, NotFound, PluginContext
from trunkline.routes import Caller
from trunkline_mcp.event_tools import EVENTS
from trunkline_mcp.toolbox import Toolbox

EVENT_TYPES = "trunkline://event-types"
TOOLS = "trunkline://tools"
_PAGES = "trunkline://docs"
_JSON, _MARKDOWN = "application/json", "text/markdown"
_PAGE_ENDING = ".html.md"
TEMPLATES = (
    ResourceTemplate(
        name="event-type",
        title="Event Type",
        uri_template=f"{EVENT_TYPES}/{{name}}",
        description="One event type: what it means, the JSON Schema of its payload, and an example.",
        mime_type=_JSON,
    ),
    ResourceTemplate(
        name="event",
        title="Event",
        uri_template=f"{EVENTS}/{{id}}",
        description="One event, whole. The key needs events:read.",
        mime_type=_JSON,
    ),
    ResourceTemplate(
        name="tool",
        title="Tool",
        uri_template=f"{TOOLS}/{{name}}",
        description="One tool in its full form: with the JSON Schema of its answer, examples and limits of its arguments.",
        mime_type=_JSON,
    ),
)
_INDEX = Resource(
    name="event-types",
    title="Event Types",
    uri=EVENT_TYPES,
    description="Every event type with its meaning.",
    mime_type=_JSON,
)


class Library:
    """All resources."""

    def __init__(self, context: PluginContext, toolbox: Toolbox) -> None:
        self._context = context
        self._toolbox = toolbox
        self._pages: Mapping[str, str] | None = None
        self._writing = asyncio.Lock()

    async def list(self) -> list[Resource]:
        """List the resources: the event types, then the pages."""
        listed = [_INDEX]
        listed += [
            Resource(
                name=event_type.name,
                title=event_type.title,
                uri=f"{EVENT_TYPES}/{event_type.name}",
                description=event_type.description,
                mime_type=_JSON,
            )
            for event_type in self._context.events.types()
        ]
        for uri, text in (await self._written()).items():
            heading = text.lstrip().partition("\n")[0].lstrip("# ").strip()
            name = uri.removeprefix(f"{_PAGES}/")
            listed.append(Resource(name=name, title=heading, uri=uri, mime_type=_MARKDOWN))
        return listed

    async def read(self, uri: str, caller: Caller) -> TextResourceContents | None:
        """Read the resource at *uri*; None if there is none that *caller* may read."""
        types = {
            f"{EVENT_TYPES}/{event_type.name}": event_type for event_type in self._context.events.types()
        }
        if uri == EVENT_TYPES:
            index = orjson.dumps({"event_types": [_summary(event_type) for event_type in types.values()]})
            return TextResourceContents(uri=uri, mime_type=_JSON, text=index.decode())
        if uri in types:
            kind = types[uri]
            head = orjson.dumps(_summary(kind) | {"version": kind.version})
            example = kind.example_json or b"null"  # as written, so that numbers keep their digits
            written = b'%b,"schema":%b,"example":%b}' % (head[:-1], kind.schema_json, example)
            return TextResourceContents(uri=uri, mime_type=_JSON, text=written.decode())
        if uri.startswith(f"{TOOLS}/") and (tool := self._toolbox.full(uri.removeprefix(f"{TOOLS}/"))):
            whole = tool.model_dump_json(by_alias=True, exclude_none=True)
            return TextResourceContents(uri=uri, mime_type=_JSON, text=whole)
        if uri.startswith(f"{EVENTS}/"):
            return await self._event(uri, caller)
        page = (await self._written()).get(uri)
        return None if page is None else TextResourceContents(uri=uri, mime_type=_MARKDOWN, text=page)

    async def _event(self, uri: str, caller: Caller) -> TextResourceContents | None:
        number = uri.removeprefix(f"{EVENTS}/")
        if not re.fullmatch(r"[1-9][0-9]{0,17}", number) or not caller.principal.has("events:read"):
            return None
        body = await self._context.events.get(caller.company_id, int(number), versions=caller.versions)
        return None if body is None else TextResourceContents(uri=uri, mime_type=_JSON, text=body.decode())

    async def _written(self) -> Mapping[str, str]:
        """Return the pages, keyed by address. They are rendered once, in a thread."""
        async with self._writing:
            if self._pages is None:
                files: Mapping[str, bytes] = {}
                with suppress(NotFound):  # the plugin does not run
                    files = await asyncio.to_thread(self._context.deployment.connector_files, "docs")
                self._pages = {
                    f"{_PAGES}/{path.removesuffix(_PAGE_ENDING)}": content.decode()
                    for path, content in files.items()
                    if path.endswith(_PAGE_ENDING)
                }
        return self._pages


def _summary(event_type: EventType) -> dict[str, str]:
    return {
        "type": event_type.name,
        "title": event_type.title,
        "description": event_type.description,
        "uri": f"{EVENT_TYPES}/{event_type.name}",
    }
