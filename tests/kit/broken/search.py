"""A good plugin that finds and lists notes, and a plugin with one defect for every check of ``SearchConformance``."""

import functools

from tests.kit.broken import notes
from tests.kit.broken.breaking import Broken

from trunkline_kit.suites.call_requests import Request


async def request_for_search(self, hub, definition):
    _, title = await notes.make_note(hub)
    return Request({}, {"title": title} if definition.kind == "search" else {})


finding = functools.partial(notes.notes, request_for=request_for_search)


def beginning(statements: str) -> Broken:
    """Make a plugin whose search begins with *statements*."""
    return finding(("# find begins", statements))


def ending(statements: str) -> Broken:
    return finding(("# list ends", statements))


good = finding()


carries_out_nothing = finding(
    ('[Operation("find_note", find_note, FIND)]', "[]"), ('[Operation("notes", list_notes, LIST)]', "[]")
).breaks("search.is-provided")

finds_nothing = finding(("# find ends", "rows = []")).breaks("search.finds-what-is-there")

lists_everybodys = finding(
    ("WHERE company_id = :company AND id > :after", "WHERE :company = :company AND id > :after")
).breaks("search.finds-nothing-of-another-company")

keeps_a_list_for_everybody = finding(
    ("async def list_notes", "KEPT = {}\n\n\nasync def list_notes"),
    ("# list ends", "page = KEPT.setdefault(after, page)"),
).breaks("search.finds-nothing-of-another-company")

says_404_where_nothing_is_found = finding(
    ("# find ends", "if not rows:\n        raise NotFound('note', call.input.get('title', ''))")
).breaks("search.answers-200-where-nothing-is-found")

emits_that_it_was_asked = beginning(
    "event = EmittedEvent(call.company_id, 'note.created', {'note_id': 1})\n"
    "    await context_of['acme'].emit(event)"
).breaks("search.only-reads")

gives_them_in_any_order = finding(
    ("context_of = {}", "context_of = {'turn': 0}"),
    ("# list ends", "context_of['turn'] += 1\n    page = page[:: 1 if context_of['turn'] % 2 else -1]"),
).breaks("search.gives-the-same-again")

is_busy_with_one = finding(
    ("context_of = {}", "context_of = {}\nbusy = []"),
    (
        "# find begins",
        "assert not busy\n    busy.append(call)\n    await asyncio.sleep(0.3)\n    busy.clear()",
    ),
).breaks("search.takes-calls-at-once")

finds_nothing_where_the_database_is_away = beginning(
    "try:\n"
    "        await call.connection.execute(text('SELECT 1'))\n"
    "    except Exception:\n"
    "        return Answer({'results': [], 'count': 0})"
).breaks("search.takes-no-failure-for-nothing")

goes_on_after_its_deadline = beginning(notes.GOES_ON_AFTER_ITS_DEADLINE).breaks("search.ends-at-its-deadline")

speaks_sqlite_only = beginning(notes.SPEAKS_SQLITE_ONLY).breaks("search.answers-on-postgresql")


needs_what_it_calls_optional = finding(
    ('"anyOf": [{"required": ["title"]}, {"required": ["note_id"]}]', '"anyOf": [{}]'),
    ("# find begins", "call.input['title']"),
).breaks("search.demands-required-parameters")

reads_titles_as_numbers = beginning("int(call.input.get('title', 0))").breaks("search.survives-odd-values")

writes_text_into_a_statement = finding(
    (
        "# find ends",
        (
            "found = f\"SELECT id, title FROM acme_notes WHERE title = '{title}' ORDER BY id LIMIT 1\"\n"
            "    rows = (await call.connection.exec_driver_sql(found)).all()"
        ),
    )
).breaks("search.survives-hostile-text")

shows_the_databases_words = beginning(notes.SHOWS_THE_DATABASES_WORDS).breaks(
    "search.shows-nothing-of-its-inside"
)

logs_what_is_looked_for = beginning(notes.LOGS_ITS_INPUT).breaks("search.logs-no-input")


shows_more_than_it_says = finding(
        ('NOTE_ITEM = described(NOTE, "note_id", "title")', 'NOTE_ITEM = described(NOTE, "note_id", "title", closed=False)'),
        ('[{"note_id": row.id, "title": row.title} for', '[{"note_id": row.id, "title": row.title, "row": 1} for'),
    ).breaks("search.gives-no-unknown-fields")  # fmt: skip

counts_wrong = finding(('"count": len(page)', '"count": len(rows) + 1')).breaks("search.counts-what-it-gives")

ends_after_the_first_page = ending("following = None").breaks("search.pages-to-the-end")

gives_one_more_than_the_limit = ending("page = rows").breaks("search.keeps-to-the-limit")

takes_every_cursor = finding(
    ("        raise BadCursor", "        cursor = None"),
).breaks("search.refuses-a-foreign-cursor")
