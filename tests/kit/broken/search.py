"""A good plugin that finds and lists notes, and a plugin with one defect for every check of ``SearchConformance``."""

import functools

from tests.kit.broken import notes
from tests.kit.broken.breaking import Broken, breaks

from trunkline_kit.suites.call_requests import Request


async def request_for_search(self, hub, definition):
    _, title = await notes.make_note(hub)
    return Request({}, {"title": title} if definition.kind == "search" else {})


finding = functools.partial(notes.notes, request_for=request_for_search)


def beginning(statements: str) -> Broken:
    """Make a plugin whose search begins with *statements*."""
    return finding(("# find begins", statements))


def ending(statements: str) -> Broken:
    """Make a plugin whose lookup ends with *statements*."""
    return finding(("# list ends", statements))


def good() -> Broken:
    return finding()


# ---- answers ---------------------------------------------------------------------------------------------------------


@breaks("search.is-provided")
def carries_out_nothing():
    return finding(
        ('[Operation("find_note", find_note, FIND)]', "[]"), ('[Operation("notes", list_notes, LIST)]', "[]")
    )


@breaks("search.finds-what-is-there")
def finds_nothing():
    return finding(("# find ends", "rows = []"))


@breaks("search.finds-nothing-of-another-company")
def lists_everybodys():
    return finding(
        ("WHERE company_id = :company AND id > :after", "WHERE :company = :company AND id > :after")
    )


@breaks("search.finds-nothing-of-another-company")
def keeps_a_list_for_everybody():
    return finding(
        ("async def list_notes", "KEPT = {}\n\n\nasync def list_notes"),
        ("# list ends", "page = KEPT.setdefault(after, page)"),
    )


@breaks("search.answers-200-where-nothing-is-found")
def says_404_where_nothing_is_found():
    return finding(
        ("# find ends", "if not rows:\n        raise NotFound('note', call.input.get('title', ''))")
    )


@breaks("search.only-reads")
def emits_that_it_was_asked():
    return beginning(
        "event = EmittedEvent(call.company_id, 'note.created', {'note_id': 1})\n"
        "    await context_of['acme'].emit(event)"
    )


@breaks("search.gives-the-same-again")
def gives_them_in_any_order():
    return finding(
        ("context_of = {}", "context_of = {'turn': 0}"),
        ("# list ends", "context_of['turn'] += 1\n    page = page[:: 1 if context_of['turn'] % 2 else -1]"),
    )


@breaks("search.takes-calls-at-once")
def is_busy_with_one():
    return finding(
        ("context_of = {}", "context_of = {}\nbusy = []"),
        (
            "# find begins",
            "assert not busy\n    busy.append(call)\n    await asyncio.sleep(0.3)\n    busy.clear()",
        ),
    )


@breaks("search.takes-no-failure-for-nothing")
def finds_nothing_where_the_database_is_away():
    return beginning(
        "try:\n"
        "        await call.connection.execute(text('SELECT 1'))\n"
        "    except Exception:\n"
        "        return Answer({'results': [], 'count': 0})"
    )


@breaks("search.ends-at-its-deadline")
def goes_on_after_its_deadline():
    return beginning(notes.GOES_ON_AFTER_ITS_DEADLINE)


@breaks("search.answers-on-postgresql")
def speaks_sqlite_only():
    return beginning(notes.SPEAKS_SQLITE_ONLY)


# ---- queries ---------------------------------------------------------------------------------------------------------


@breaks("search.demands-required-parameters")
def needs_what_it_calls_optional():
    return finding(
        ('"anyOf": [{"required": ["title"]}, {"required": ["note_id"]}]', '"anyOf": [{}]'),
        ("# find begins", "call.input['title']"),
    )


@breaks("search.survives-odd-values")
def reads_titles_as_numbers():
    return beginning("int(call.input.get('title', 0))")


@breaks("search.survives-hostile-text")
def writes_text_into_a_statement():
    return finding(
        (
            "# find ends",
            (
                "found = f\"SELECT id, title FROM acme_notes WHERE title = '{title}' ORDER BY id LIMIT 1\"\n"
                "    rows = (await call.connection.exec_driver_sql(found)).all()"
            ),
        )
    )


@breaks("search.shows-nothing-of-its-inside")
def shows_the_databases_words():
    return beginning(notes.SHOWS_THE_DATABASES_WORDS)


@breaks("search.logs-no-input")
def logs_what_is_looked_for():
    return beginning(notes.LOGS_ITS_INPUT)


# ---- lists -----------------------------------------------------------------------------------------------------------


@breaks("search.gives-no-unknown-fields")
def shows_more_than_it_says():
    return finding(
        ('NOTE_ITEM = described(NOTE, "note_id", "title")', 'NOTE_ITEM = described(NOTE, "note_id", "title", closed=False)'),
        ('[{"note_id": row.id, "title": row.title} for', '[{"note_id": row.id, "title": row.title, "row": 1} for'),
    )  # fmt: skip


@breaks("search.counts-what-it-gives")
def counts_wrong():
    return finding(('"count": len(page)', '"count": len(rows) + 1'))


@breaks("search.pages-to-the-end")
def ends_after_the_first_page():
    return ending("following = None")


@breaks("search.keeps-to-the-limit")
def gives_one_more_than_the_limit():
    return ending("page = rows")


@breaks("search.refuses-a-foreign-cursor")
def takes_every_cursor():
    return finding(
        ("        raise BadCursor", "        cursor = None"),
    )
