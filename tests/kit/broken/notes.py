"""A good plugin that keeps notes, with actions, a search and a lookup, and the ways to break it."""

import itertools
from collections.abc import Callable
from typing import Any

from tests.kit.broken.breaking import Broken

from trunkline_kit import Source

NUMBERS = itertools.count(1)

FIRST = '''"""Notes."""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "acme_notes",
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
    )


def downgrade():
    op.drop_table("acme_notes")
'''

TEXT = '''"""Notes: made, changed, found and listed."""
import asyncio, contextlib
from sqlalchemy import text
from trunkline import (
    Answer,
    BodyInvalid,
    Definition,
    EmittedEvent,
    EventType,
    FieldError,
    Migrations,
    NotFound,
    Operation,
    hookimpl,
)
from trunkline.pages import Example, ItemList
from trunkline.routes import BadCursor


def described(properties, *required, closed=True):
    named = {name: {"title": name, "description": f"The note's {name}.", **one} for name, one in properties.items()}
    whole = {"type": "object", "properties": named, "required": list(required)}
    return {**whole, "additionalProperties": False} if closed else whole


TEXT, TITLE = {"type": "string", "maxLength": 200}, {"type": "string", "minLength": 1, "maxLength": 200}
NUMBER = {"type": "integer", "minimum": 1, "maximum": 9007199254740991}
NOTE = {"note_id": NUMBER, "title": {"type": "string"}}
NOTE_ITEM = described(NOTE, "note_id", "title")
EVENT = {"type": "object", "properties": {"note_id": {"type": "integer", "description": "n"}}, "required": ["note_id"],
         "additionalProperties": False, "examples": [{"note_id": 1}]}

CREATE_INPUT = described({"title": TITLE, "body": TEXT}, "title")
CREATE_OUTPUT = described({"note_id": NUMBER}, "note_id")
CREATE = Definition(
    "action", "create_note", "Create Note", "Adds a note.", "POST", "/notes", described({}), CREATE_INPUT, CREATE_OUTPUT,
    [Example({}, {"title": "Milk", "body": "Two litres"}, {"note_id": 1}), Example({}, {"title": "Milk"}, {"note_id": 1})],
    success_status=201, emits=("note.created",),
)
UPDATE = Definition(
    "action", "update_note", "Update Note", "Changes a note.", "PATCH", "/notes/{note_id}", described({"note_id": NUMBER}, "note_id"),
    described({"title": TITLE, "body": TEXT}), described({"note_id": NUMBER}, "note_id"),
    [Example({"note_id": 1}, {"title": "Bread"}, {"note_id": 1})],
)
FIND_INPUT = described({"title": TEXT, "note_id": NUMBER})
FIND = Definition(
    "search", "find_note", "Find Note", "Finds a note.", "GET", "/notes/search", described({}),
    {**FIND_INPUT, "anyOf": [{"required": ["title"]}, {"required": ["note_id"]}]},
    described({"results": {"type": "array", "items": NOTE_ITEM}, "count": {"type": "integer"}}, "results", "count"),
    [Example({}, {"title": "Milk"}, {"results": [{"note_id": 1, "title": "Milk"}], "count": 1})],
)
LIST = Definition(
    "lookup", "notes", "Notes", "Lists notes.", "GET", "/lookups/notes", described({}),
    described({"q": TEXT, "cursor": TEXT, "limit": {"type": "integer", "minimum": 1, "maximum": 200}}),
    described({"notes": {"type": "array", "items": NOTE_ITEM}, "count": {"type": "integer"},
               "next_cursor": {"type": ["string", "null"]}}, "notes", "count", "next_cursor"),
    [Example({}, {}, {"notes": [], "count": 0, "next_cursor": None})],
    listed=ItemList("notes", "note_id", "title"),
)


async def create_note(call):
    # create begins
    note_id = (await call.connection.execute(
        text("INSERT INTO acme_notes (company_id, title, body) VALUES (:company, :title, :body) RETURNING id"),
        {"company": call.company_id, "title": call.input["title"], "body": call.input.get("body")},
    )).scalar_one()
    return Answer({"note_id": note_id}, [EmittedEvent(call.company_id, "note.created", {"note_id": note_id})])


async def update_note(call):
    found = await call.connection.execute(
        text("UPDATE acme_notes SET title = coalesce(:title, title), body = coalesce(:body, body) "
             "WHERE id = :id AND company_id = :company"),
        {"id": call.input["note_id"], "company": call.company_id, "title": call.input.get("title"), "body": call.input.get("body")},
    )
    if not found.rowcount:
        raise NotFound("note", call.input["note_id"])
    return Answer({"note_id": call.input["note_id"]})


def shown(rows):
    return [{"note_id": row.id, "title": row.title} for row in rows]


async def find_note(call):
    # find begins
    title, number = call.input.get("title"), call.input.get("note_id")
    rows = (await call.connection.execute(
        text("SELECT id, title FROM acme_notes WHERE company_id = :company AND (:title IS NULL OR title = :title) "
             "AND (:id IS NULL OR id = :id) ORDER BY id LIMIT 1").bindparams(),
        {"company": call.company_id, "title": title, "id": number},
    )).all() if call.connection.dialect.name == "sqlite" else await find_on_postgresql(call, title, number)
    # find ends
    return Answer({"results": shown(rows), "count": len(rows)})


async def find_on_postgresql(call, title, number):
    conditions = ["company_id = :company"] + (["title = :title"] if title is not None else []) + (["id = :id"] if number else [])
    given = {"company": call.company_id, "title": title, "id": number}
    used = {name: value for name, value in given.items() if value is not None}
    statement = f"SELECT id, title FROM acme_notes WHERE {' AND '.join(conditions)} ORDER BY id LIMIT 1"
    return (await call.connection.execute(text(statement), used)).all()


async def list_notes(call):
    # list begins
    cursor = call.input.get("cursor")
    if cursor is not None and not (cursor.startswith("after-") and cursor[6:].isdigit()):
        raise BadCursor
    after, limit = int(cursor[6:]) if cursor else 0, call.input.get("limit", 50)
    rows = (await call.connection.execute(
        text("SELECT id, title FROM acme_notes WHERE company_id = :company AND id > :after ORDER BY id LIMIT :limit"),
        {"company": call.company_id, "after": after, "limit": limit + 1},
    )).all()
    page = rows[:limit]
    following = f"after-{page[-1].id}" if len(rows) > limit else None
    # list ends
    return Answer({"notes": shown(page), "count": len(page), "next_cursor": following})


@hookimpl
def register_event_types():
    return [EventType("note.created", "Note Created", "A note was made.", EVENT)]


@hookimpl
def register_migrations():
    return [Migrations("acme:migrations")]

context_of = {}


@hookimpl
def register_operations(context):
    context_of["acme"] = context
    actions = [Operation("create_note", create_note, CREATE), Operation("update_note", update_note, UPDATE)]
    searches = [Operation("find_note", find_note, FIND)]
    lookups = [Operation("notes", list_notes, LIST)]
    return actions + searches + lookups
'''

TITLE = "first-of-all"


SPEAKS_SQLITE_ONLY = "await call.connection.execute(text('SELECT sqlite_version()'))"
GOES_ON_AFTER_ITS_DEADLINE = (
    "try:\n"
    "        await call.connection.execute(text('SELECT 1'))\n"
    "    except asyncio.CancelledError:\n"
    "        await asyncio.sleep(7)"
)
SHOWS_THE_DATABASES_WORDS = (
    "try:\n"
    "        await call.connection.exec_driver_sql("
    "f\"SELECT id FROM acme_notes WHERE title = '{call.input.get('title')}'\")\n"
    "    except Exception as error:\n"
    "        raise BodyInvalid([FieldError('/title', str(error))])"
)
LOGS_ITS_INPUT = "context_of['acme'].log.info('asked for %s', dict(call.input))"


async def make_note(hub) -> tuple[int, str]:
    title = f"{TITLE} {next(NUMBERS)}"
    answer = await hub.client.post("/api/v1/integrations/notes", json={"title": title})
    return answer.json().get("note_id", 1), title


def notes(*changes: tuple[str, str], more: str = "", request_for: Callable[..., Any]) -> Broken:
    """Build the plugin with *changes* to its text (old and new parts), and *more* after it."""
    text = TEXT
    for part, replacement in changes:
        assert text.count(part) == 1, part
        text = text.replace(part, replacement)
    return Broken(
        Source("acme", text + more, files={"migrations/0001_notes.py": FIRST}), {"request_for": request_for}
    )
