"""A correct plugin with every feature, from which the broken ones are made."""

from tests.kit.broken.breaking import Broken

from trunkline_kit import Source

TOKEN = "tok_5f1c0ffee-very-secret"

TEXT = '''
"""Acme: a plugin that has everything."""

import asyncio
import contextlib
import html
import json

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, SecretStr

import trunkline
import trunkline.pages
import trunkline.routes
from trunkline import hookimpl


class Settings(BaseModel):
    """How acme is set."""

    room: str = Field(default="general", description="where to write")
    retries: int = Field(default=3, description="how often to try")
    token: SecretStr | None = Field(default=None, description="what the service knows us by")
# more settings


class Note(trunkline.routes.Strict):
    """A note."""

    text: str = Field(max_length=100)


class Notes(BaseModel):
    """Notes."""

    notes: list[Note]
    count: int

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "description": "what was sent"}},
    "required": ["text"],
    "examples": [{"text": "hello"}],
}


@hookimpl
def register_settings():
    return Settings


@hookimpl
def register_event_types():
    return [trunkline.EventType("acme.sent", "Sent", "Something was sent.", SCHEMA)]


async def deliver(push, http):
    answer = await http.post(push.target.url, body=push.body, headers={})
    return trunkline.Result(trunkline.Outcome.DELIVERED if answer.status < 300 else trunkline.Outcome.RETRY, answer.status)


@hookimpl
def register_channels(context):
    return [trunkline.Channel("acme", "Acme", "Writes to acme.", deliver=deliver)]


def generate(product):
    return {"app/index.json": json.dumps({"events": len(product.event_types)}).encode()}


@hookimpl
def register_connectors():
    return [trunkline.pages.Connector("acme", "Acme", "An app for acme.", generate)]


@hookimpl
def register_routes(context):
    router = APIRouter(route_class=trunkline.routes.StrictRoute, tags=["Acme"])

    @router.get("/notes", response_model=Notes)
    async def list_notes(caller: trunkline.routes.Caller = Depends(trunkline.routes.requires("events:read"))):
        """List the notes."""
        return {"notes": [], "count": 0}

    @router.post("/notes", response_model=Note, status_code=201)
    async def add_note(note: Note, caller: trunkline.routes.Caller = Depends(trunkline.routes.requires("events:write", bucket="write"))):
        """Add a note."""
        return note

    @router.get("/notes/{note_id}", response_model=Note)
    async def show_note(note_id: str, caller: trunkline.routes.Caller = Depends(trunkline.routes.requires("events:read"))):
        """Show a note."""
        raise trunkline.NotFound("note", "asked for")

    # more routes
    return [trunkline.routes.Routes(router, prefix="/acme")]


def make_render(context):
    async def render(request):
        page = await context.events.page(request.company_id, limit=50)
        rows = "".join(f"<li>{html.escape(body.decode())}</li>" for body in page.bodies)
        return f"<h2>{html.escape(request.principal.name)}</h2><p>{html.escape(request.query.get('q', ''))}</p><ul>{rows}</ul>"

    return render


@hookimpl
def register_portal_pages(context):
    return [trunkline.pages.PortalPage("notes", "Notes", make_render(context), scope="events:read")]


def is_ready(settings):
    return bool(settings.room and settings.retries and settings.token)


async def sweep(context):
    while True:
        await asyncio.sleep(60)


@hookimpl
@contextlib.asynccontextmanager
async def lifespan(context):
    context.log.info("acme starts")
    task = asyncio.create_task(sweep(context))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@hookimpl
async def event_accepted(context, events):
    for event in events:
        json.loads(event.body)


@hookimpl
def attempt_finished(context, attempts):
    for attempt in attempts:
        str(attempt.result.outcome)


@hookimpl
def subscription_changed(context, subscription):
    str(subscription.status)
'''

SETTINGS = {"acme.room": "kitchen", "acme.token": TOKEN}


IMPORTS = "import json\n"
SCHEMA = '"examples": [{"text": "hello"}],'
ROUTES = "    # more routes\n"
READS = 'trunkline.routes.Caller = Depends(trunkline.routes.requires("events:read"))'
READS_OF_ANYBODY = "trunkline.routes.Caller = Depends(trunkline.routes.requires(None))"
SWEEP = "    while True:\n        await asyncio.sleep(60)\n"
TELLS_EVENTS = "    for event in events:\n        json.loads(event.body)\n"
TELLS_ATTEMPTS = "        str(attempt.result.outcome)\n"
TELLS_SUBSCRIPTIONS = "    str(subscription.status)\n"
CHANNELS = '    return [trunkline.Channel("acme", "Acme", "Writes to acme.", deliver=deliver)]\n'
TYPES = '    return [trunkline.EventType("acme.sent", "Sent", "Something was sent.", SCHEMA)]\n'
GENERATES = 'return {"app/index.json": json.dumps({"events": len(product.event_types)}).encode()}'
PAGE = '        return f"<h2>{html.escape(request.principal.name)}</h2>'
LOGS = '    context.log.info("acme starts")\n'
CLEANS = "        task.cancel()\n        await asyncio.wait({task})\n"
MORE_SETTINGS = "# more settings\n"


def acme(
    *changes: tuple[str, str],
    settings: dict[str, str] | None = None,
    patience_seconds: float = 5.0,
    **more,
) -> Broken:
    """Build the plugin with *changes* to its text (old and new parts); *more* changes the distribution."""
    text = TEXT
    for part, replacement in changes:
        assert text.count(part) == 1, part
        text = text.replace(part, replacement)
    attributes = {
        "settings": SETTINGS if settings is None else settings,
        "patience_seconds": patience_seconds,
    }
    return Broken(Source("acme", text, **more), attributes)
