"""Plugins with a defect in their routes or pages."""

from tests.kit.broken.acme import PAGE, READS, READS_OF_ANYBODY, ROUTES, acme

build_with_foreign_prefix = acme(('prefix="/acme"', 'prefix="/things"')).breaks(
    "plugin.routes-stand-under-its-name"
)

build_shadowing = acme(
    (
        ROUTES,
        '    other = APIRouter()\n    other.add_api_route("/events/{any}", lambda: {}, methods=["GET"])\n    return [trunkline.routes.Routes(other)]\n',
    )
).breaks("plugin.routes-shadow-nobody")

build_hidden = acme(
    (
        '@router.get("/notes", response_model=Notes)',
        '@router.get("/notes", response_model=Notes, include_in_schema=False)',
    ),
    (
        '@router.post("/notes", response_model=Note, status_code=201)',
        '@router.post("/notes", response_model=Note, status_code=201, include_in_schema=False)',
    ),
).breaks("plugin.routes-are-documented")

build_without_model = acme(('@router.get("/notes", response_model=Notes)', '@router.get("/notes")')).breaks(
    "plugin.routes-have-models"
)

build_open_to_all = acme((f"async def list_notes(caller: {READS})", "async def list_notes()")).breaks(
    "plugin.routes-demand-a-key"
)

build_open_to_every_key = acme(
    (
        f"async def list_notes(caller: {READS})",
        f"async def list_notes(caller: {READS_OF_ANYBODY})",
    )
).breaks("plugin.routes-demand-a-scope")

build_with_lenient_body = acme(("class Note(trunkline.routes.Strict)", "class Note(BaseModel)")).breaks(
    "plugin.routes-refuse-unknown-fields"
)

build_with_lenient_query = acme(
    ("APIRouter(route_class=trunkline.routes.StrictRoute, ", "APIRouter(")
).breaks("plugin.routes-refuse-unknown-parameters")

build_with_plain_errors = acme(
    (
        '        raise trunkline.NotFound("note", "asked for")',
        '        from fastapi.responses import PlainTextResponse\n        return PlainTextResponse("gone", 404)',
    )
).breaks("plugin.routes-answer-problems")

build_trusting = acme(
    (
        '        raise trunkline.NotFound("note", "asked for")',
        "        return Note(text=str(int(note_id)))",
    )
).breaks("plugin.routes-survive-garbage")

build_with_an_open_page = acme((PAGE, PAGE.replace('f"<h2>', 'f"</div><h2>'))).breaks(
    "plugin.pages-are-fragments"
)

build_with_a_handler = acme((PAGE, PAGE.replace('f"<h2>', "f\"<img src='x' onerror='alert(1)'><h2>"))).breaks(
    "plugin.pages-have-no-script"
)

build_unescaped = acme(("{html.escape(request.query.get('q', ''))}", "{request.query.get('q', '')}")).breaks(
    "plugin.pages-escape-what-is-not-theirs"
)

build_with_a_slow_page = acme(
    (PAGE, f"        await asyncio.sleep(60)\n{PAGE}"), patience_seconds=1.0
).breaks("plugin.pages-return-in-time")

build_showing_everybody = acme(("context.events.page(request.company_id,", "context.events.page(92,")).breaks(
    "plugin.pages-show-one-company"
)

build_with_a_page_for_all = acme((', scope="events:read")', ")")).breaks("plugin.pages-name-a-scope")


ROUTER = 'router = APIRouter(route_class=trunkline.routes.StrictRoute, tags=["Acme"])\n\n    @router.get("/notes", response_model=Notes)'
KEPT = ROUTER.replace("\n\n", "\n    kept, answers = {}, {}\n\n", 1)
LISTS = 'return {"notes": [], "count": 0}'
OF_ITS_OWN = "notes = list(kept.get(caller.company_id, []))\n        "
ADDS = '"""Add a note."""\n        return note\n'
KEEPS = (
    '"""Add a note."""\n        kept.setdefault(caller.company_id, []).append(note)\n        return note\n'
)


def keeping(lists: str, *changes: tuple[str, str]):
    return acme((ROUTER, KEPT), (ADDS, KEEPS), (LISTS, OF_ITS_OWN + lists), *changes)


good_keeping = keeping('return {"notes": notes, "count": len(notes)}')

build_with_a_list_cached_for_all = keeping(
    'return answers.setdefault("notes", {"notes": notes, "count": len(notes)})'
).breaks("plugin.routes-keep-companies-apart")

build_with_a_company_in_the_query = keeping(
    'notes = list(kept.get(company_id or caller.company_id, []))\n        return {"notes": notes, "count": len(notes)}',
    (
        f"async def list_notes(caller: {READS})",
        f"async def list_notes(company_id: int = 0, caller: {READS})",
    ),
).breaks("plugin.routes-keep-companies-apart")

build_with_a_company_in_the_body = acme(
    (ROUTER, KEPT),
    (ADDS, KEEPS.replace("caller.company_id", "note.company_id or caller.company_id")),
    (LISTS, OF_ITS_OWN + 'return {"notes": notes, "count": len(notes)}'),
    (
        "    text: str = Field(max_length=100)\n",
        "    text: str = Field(max_length=100)\n    company_id: int = 0\n",
    ),
).breaks("plugin.routes-keep-companies-apart")

build_with_a_record_for_whoever_knows_its_id = acme(
        (ROUTER, KEPT),
        (ADDS, ADDS.replace("return note", 'note.id = f"note-{1000 + len(kept)}"\n        return kept.setdefault(note.id, note)')),
        ('raise trunkline.NotFound("note", "asked for")', "return kept[note_id]"),
        ("    text: str = Field(max_length=100)\n", '    text: str = Field(max_length=100)\n    id: str = ""\n'),
    ).breaks("plugin.routes-keep-companies-apart")  # fmt: skip
