"""A good plugin that keeps notes, and a plugin with one defect for every check of ``ActionConformance``."""

import functools

from tests.kit.broken import notes
from tests.kit.broken.breaking import Broken

from trunkline_kit.suites.call_requests import Request


async def request_for_action(self, hub, definition):
    if definition.name == "create_note":
        return Request({}, {"title": f"Milk {next(notes.NUMBERS)}"})
    number, _ = await notes.make_note(hub)
    return Request({"note_id": number}, {"title": "Bread"})


acting = functools.partial(notes.notes, request_for=request_for_action)


def beginning(statements: str) -> Broken:
    """Make a plugin whose create begins with *statements*."""
    return acting(("# create begins", statements))


good = acting()


carries_out_nothing = acting(
    (
        '[Operation("create_note", create_note, CREATE), Operation("update_note", update_note, UPDATE)]',
        "[]",
    )
).breaks("action.is-provided")

answers_what_its_schema_does_not_say = acting(
    ('Answer({"note_id": note_id}, [', 'Answer({"note_id": str(note_id)}, [')
).breaks("action.answers-a-valid-call")

shows_more_than_it_says = acting(
    (
        'CREATE_OUTPUT = described({"note_id": NUMBER}, "note_id")',
        'CREATE_OUTPUT = described({"note_id": NUMBER}, "note_id", closed=False)',
    ),
    ('Answer({"note_id": note_id}, [', 'Answer({"note_id": note_id, "row": "inside"}, ['),
).breaks("action.gives-no-unknown-fields")

does_not_look_at_the_company = acting(
    ('"WHERE id = :id AND company_id = :company"', '"WHERE id = :id AND :company = :company"')
).breaks("action.finds-nothing-of-another-company")

changes_what_is_not_there = acting(("if not found.rowcount:", "if False:")).breaks(
    "action.finds-no-unknown-record"
)

speaks_sqlite_only = beginning(notes.SPEAKS_SQLITE_ONLY).breaks("action.answers-on-postgresql")


needs_what_it_calls_optional = acting(
    (
        'CREATE_INPUT = described({"title": TITLE, "body": TEXT}, "title")',
        'CREATE_INPUT = described({"title": TITLE, "body": TEXT})',
    )
).breaks("action.misses-no-optional-field")

refuses_empty_text = beginning(
    "if 'body' not in call.input:\n        raise BodyInvalid([FieldError('/body', 'is missing')])"
).breaks("action.takes-empty-text-for-absent")

believes_every_title_to_be_text = acting(
    (
        'CREATE_INPUT = described({"title": TITLE, "body": TEXT}, "title")',
        'CREATE_INPUT = described({"title": {}, "body": TEXT}, "title")',
    ),
    ("# create begins", "call.input['title'].strip()"),
).breaks("action.survives-wrong-types")

IN_A_STATEMENT = (
    "# create begins",
    "await call.connection.exec_driver_sql(f\"SELECT id FROM acme_notes WHERE title = '{call.input['title']}'\")",
)

writes_text_into_a_statement = acting(IN_A_STATEMENT).breaks("action.survives-hostile-text")

shows_the_databases_words = beginning(notes.SHOWS_THE_DATABASES_WORDS).breaks(
    "action.shows-nothing-of-its-inside"
)

logs_what_it_is_sent = beginning(notes.LOGS_ITS_INPUT).breaks("action.logs-no-input")


emits_what_it_does_not_name = acting(('emits=("note.created",),', "emits=(),")).breaks(
    "action.emits-what-it-promises"
)

is_busy_with_one = acting(
        ("context_of = {}", "context_of = {}\nbusy = []"),
        ('Operation("update_note", update_note, UPDATE)', 'Operation("update_note", impatient, UPDATE, uses_database=False)'),
        more=(
            "\n\nasync def impatient(call):\n"
            "    assert not busy\n"
            "    busy.append(call)\n"
            "    await asyncio.sleep(0.3)\n"
            "    busy.clear()\n"
            "    return Answer({'note_id': call.input['note_id']})\n"
        ),
    ).breaks("action.takes-calls-at-once")  # fmt: skip

emits_beside_the_transaction = acting(
    (
        'return Answer({"note_id": note_id}, [EmittedEvent(call.company_id, "note.created", {"note_id": note_id})])',
        (
            'event = EmittedEvent(call.company_id, "note.created", {"note_id": note_id})\n'
            "    context_of['task'] = asyncio.create_task(context_of['acme'].emit(event))\n"
            '    return Answer({"note_id": note_id})'
        ),
    )
).breaks("action.stores-all-or-nothing")

says_yes_whatever_happens = beginning(
    "with contextlib.suppress(Exception):\n"
    "        await call.connection.execute(text('SELECT 1'))\n"
    "        return await really_create(call)\n"
    "    return Answer({'note_id': 1})\n\n\n"
    "async def really_create(call):"
).breaks("action.takes-no-failure-for-success")

goes_on_after_its_deadline = beginning(notes.GOES_ON_AFTER_ITS_DEADLINE).breaks("action.ends-at-its-deadline")


REGISTERED = '[Operation("create_note", create_note, CREATE), Operation("update_note", update_note, UPDATE)]'
COPY = """
COPY = Definition(
    "action", "copy_note", "Copy Note", "Copies a note.", "POST", "/notes/copies", described({}), described({"note_id": NUMBER}, "note_id"),
    CREATE_OUTPUT, [Example({}, {"note_id": 1}, {"note_id": 2})], success_status=201,
)


async def copy_note(call):
    note_id = (await call.connection.execute(
        text("INSERT INTO acme_notes (company_id, title) SELECT CAST(:company AS INTEGER), title FROM acme_notes WHERE id = :id OWN RETURNING id"),
        {"company": call.company_id, "id": call.input["note_id"]},
    )).scalar_one_or_none()
    if note_id is None:
        raise NotFound("note", call.input["note_id"])
    return Answer({"note_id": note_id})
"""


async def request_for_copy(self, hub, definition):
    number, _ = await notes.make_note(hub)
    return (
        Request({}, {"note_id": number}) if definition.name == "copy_note" else Request({}, {"title": "Milk"})
    )


def copying(own: str) -> Broken:
    return notes.notes(
        (
            REGISTERED,
            '[Operation("create_note", create_note, CREATE), Operation("copy_note", copy_note, COPY)]',
        ),
        ("async def update_note(call):", COPY.replace("OWN", own) + "\n\nasync def update_note(call):"),
        request_for=request_for_copy,
    )


good_copying = copying("AND company_id = :company")

copies_anybodys_note = copying("").breaks("action.takes-nothing-of-another-company")

UPDATING = """    found = await call.connection.execute(
        text("UPDATE acme_notes SET title = coalesce(:title, title), body = coalesce(:body, body) "
             "WHERE id = :id AND company_id = :company"),
        {"id": call.input["note_id"], "company": call.company_id, "title": call.input.get("title"), "body": call.input.get("body")},
    )
"""

writes_back_what_it_has_read = acting((UPDATING, """    given = {"id": call.input["note_id"], "company": call.company_id}
    found = await call.connection.execute(text("SELECT title, body FROM acme_notes WHERE id = :id AND company_id = :company"), given)
    for row in found.all():
        await asyncio.sleep(0.05)
        values = {"id": given["id"], "title": row.title, "body": row.body} | dict(call.input)
        found = await call.connection.execute(text("UPDATE acme_notes SET title = :title, body = :body WHERE id = :id"), values)
""")).breaks("action.loses-no-update")  # fmt: skip

counts_up_what_it_has_read = acting((UPDATING, """    given = {"id": call.input["note_id"], "company": call.company_id}
    found = await call.connection.execute(text("SELECT body FROM acme_notes WHERE id = :id AND company_id = :company"), given)
    for row in found.all():
        await asyncio.sleep(0.05)
        times = int(row.body or 0) + 1
        found = await call.connection.execute(text("UPDATE acme_notes SET body = :body WHERE id = :id"), {"id": given["id"], "body": str(times)})
"""), ('raise NotFound("note", call.input["note_id"])\n    return Answer({"note_id": call.input["note_id"]})', 'raise NotFound("note", call.input["note_id"])\n    return Answer({"note_id": call.input["note_id"], "times": times})'),
        ('described({"title": TITLE, "body": TEXT}), described({"note_id": NUMBER}, "note_id"),', 'described({"title": TITLE}), described({"note_id": NUMBER, "times": NUMBER}, "note_id"),')).breaks("action.loses-no-update")  # fmt: skip
