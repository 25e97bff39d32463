"""A plugin with one defect for each check of PluginConformance."""

from types import ModuleType

from tests.testing.broken.acme import SETTINGS, acme
from tests.testing.broken.breaking import Broken, breaks

from trunkline.testing import Source

IMPORTS = "import json\n"
SCHEMA = '"examples": [{"text": "hello"}],'
ROUTES = "    # more routes\n"
READS = 'trunkline.Caller = Depends(trunkline.requires("events:read"))'
READS_OF_ANYBODY = "trunkline.Caller = Depends(trunkline.requires(None))"
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


@breaks("plugin.has-a-usable-name")
def build_badly_named():
    return Source("acme-Bad", "")


@breaks("plugin.declares-a-range")
def build_rangeless():
    return acme(requires="trunkline")


@breaks("plugin.range-ends")
def build_endless():
    return acme(requires="trunkline>=0.1")


@breaks("plugin.distribution-is-described")
def build_undescribed():
    return acme(summary="")


@breaks("plugin.is-typed")
def build_untyped():
    return acme(typed=False)


@breaks("plugin.uses-the-public-api")
def build_with_deep_import():
    return acme((IMPORTS, "import json\nfrom trunkline.hub.hub import Hub\n"))


@breaks("plugin.imports-without-network")
def build_dialling():
    return acme((IMPORTS, "import json, socket\nsocket.getaddrinfo('localhost', 80)\n"))


@breaks("plugin.imports-without-writing")
def build_writing():
    return acme((IMPORTS, "import json, os, tempfile\nos.close(tempfile.mkstemp()[0])\n"))


@breaks("plugin.imports-without-processes")
def build_threading():
    return acme(
        (
            IMPORTS,
            "import json, threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
        )
    )


@breaks("plugin.imports-without-patching")
def build_patching():
    return acme((IMPORTS, "import json, os\nos.environ['ACME'] = '1'\n"))


@breaks("plugin.imports-quickly")
def build_slow():
    return acme(
        (
            IMPORTS,
            "import json, time\nend = time.process_time() + 2.5\nwhile time.process_time() < end: pass\n",
        )
    )


@breaks("plugin.implements-its-hooks")
def build_misspelt():
    return acme(("def register_channels", "def register_chanels"))


@breaks("plugin.runs-alone")
def build_that_does_not_start():
    return acme((LOGS, "    raise RuntimeError('no such room')\n"))


@breaks("plugin.runs-beside-the-built-ins")
def build_with_a_taken_name():
    return acme((CHANNELS, CHANNELS.replace('"acme"', '"webhooks"')))


@breaks("plugin.hooks-do-no-io")
def build_reading_from_the_network():
    return acme((CHANNELS, f"    import socket; socket.getaddrinfo('localhost', 80)\n{CHANNELS}"))


@breaks("plugin.hooks-are-quick")
def build_with_slow_hook():
    slow = "    import time; end = time.process_time() + 1.2\n    while time.process_time() < end: pass\n"
    return acme((CHANNELS, slow + CHANNELS))


@breaks("plugin.hooks-answer-the-same-twice")
def build_changing():
    return acme((CHANNELS, CHANNELS.replace('"Writes to acme."', "str(__import__('time').monotonic_ns())")))


@breaks("plugin.hooks-share-nothing")
def build_sharing():
    return acme(
        (CHANNELS, "    return SHARED\n"),
        (LOGS, LOGS),
        (SCHEMA, SCHEMA),
        (
            "async def sweep(context):",
            'SHARED = [trunkline.Channel("acme", "Acme", "To acme.", deliver=deliver)]\n\n\nasync def sweep(context):',
        ),
    )


@breaks("plugin.values-are-frozen")
def build_thawed():
    own = "    class Own(trunkline.Channel):\n        pass\n\n"
    return acme((CHANNELS, own + CHANNELS.replace("trunkline.Channel(", "Own(")))


@breaks("plugin.names-are-its-own")
def build_with_a_common_name():
    return acme((CHANNELS, CHANNELS.replace('"acme", "Acme"', '"chat", "Acme"')))


@breaks("plugin.settings-are-described")
def build_with_silent_setting():
    return acme((', description="where to write"', ""))


@breaks("plugin.missing-settings-are-named")
def build_that_needs_a_token():
    return acme((CHANNELS, f"    context.settings.token.get_secret_value()\n{CHANNELS}"))


@breaks("plugin.settings-come-from-the-environment")
def build_with_alias():
    return acme(('Field(default="general", ', 'Field(default="general", alias="roomName", '), settings={})


@breaks("plugin.unknown-settings-are-refused")
def build_lenient():
    lenient = """
    @pydantic.model_validator(mode="before")
    @classmethod
    def drop(cls, data):
        return {name: value for name, value in data.items() if name in cls.model_fields}
"""
    return acme((MORE_SETTINGS, lenient), (IMPORTS, "import json\nimport pydantic\n"))


@breaks("plugin.malformed-settings-are-refused")
def build_forgiving():
    forgiving = """
    @pydantic.field_validator("retries", mode="wrap")
    @classmethod
    def forgive(cls, value, handler):
        try:
            return handler(value)
        except ValueError:
            return 3
"""
    return acme((MORE_SETTINGS, forgiving), (IMPORTS, "import json\nimport pydantic\n"))


@breaks("plugin.secret-settings-are-secret")
def build_with_open_secret():
    return acme(("token: SecretStr | None", "token: str | None"))


@breaks("plugin.settings-are-read-once")
def build_with_shared_settings():
    shared = """
    @pydantic.model_validator(mode="after")
    def keep(self):
        for other in ALL:
            other.room, other.retries = self.room, self.retries
        ALL.append(self)
        return self
"""
    return acme((MORE_SETTINGS, shared), (IMPORTS, "import json\nimport pydantic\nALL = []\n"))


@breaks("plugin.secrets-are-in-no-repr")
def build_with_secret_in_a_value():
    told = CHANNELS.replace('"Writes to acme."', 'f"With {context.settings.token.get_secret_value()}."')
    return acme((CHANNELS, told))


@breaks("plugin.secrets-are-in-no-error")
def build_telling_what_it_refuses():
    telling = """
    @pydantic.field_validator("token")
    @classmethod
    def check(cls, value):
        if not value.get_secret_value().startswith("tok_"):
            raise ValueError(f"{value.get_secret_value()} is no token")
        return value
"""
    return acme((MORE_SETTINGS, telling), (IMPORTS, "import json\nimport pydantic\n"))


@breaks("plugin.secrets-are-in-no-log")
def build_logging_its_secret():
    return acme((LOGS, '    context.log.debug("with %s", context.settings.token.get_secret_value())\n'))


@breaks("plugin.secrets-are-in-no-answer")
def build_answering_its_secret():
    return acme(
        (
            '        return {"notes": [], "count": 0}',
            '        return {"notes": [Note(text=context.settings.token.get_secret_value())], "count": 1}',
        )
    )


@breaks("plugin.event-types-have-valid-examples")
def build_with_a_wrong_example():
    return acme((SCHEMA, '"examples": [{"text": "hello"}, {"text": 7}],'))


@breaks("plugin.event-types-are-described")
def build_with_a_silent_field():
    return acme((', "description": "what was sent"', ""))


@breaks("plugin.event-types-are-closed")
def build_with_an_open_type():
    return acme(('"additionalProperties": False', '"additionalProperties": True'))


@breaks("plugin.event-types-are-accepted")
def build_with_a_type_that_reads_otherwise():
    other = TYPES.replace("SCHEMA)", 'SCHEMA, example_json=b\'{"text": "other"}\')')
    return acme((TYPES, other))


@breaks("plugin.connectors-are-reproducible")
def build_with_the_time_in_a_file():
    return acme((GENERATES, 'import time; return {"app/index.json": str(time.monotonic_ns()).encode()}'))


@breaks("plugin.connectors-stay-in-their-folder")
def build_leading_out():
    return acme((GENERATES, GENERATES.replace("app/index.json", "../index.json")))


@breaks("plugin.connectors-keep-secrets-out")
def build_with_a_secret_in_a_file():
    keeps = """
    @pydantic.model_validator(mode="after")
    def keep(self):
        KEPT["token"] = self.token
        return self
"""
    return acme(
        (MORE_SETTINGS, keeps),
        (IMPORTS, "import json\nimport pydantic\nKEPT = {}\n"),
        (GENERATES, 'return {"app/index.json": KEPT["token"].get_secret_value().encode()}'),
    )


@breaks("plugin.routes-stand-under-its-name")
def build_with_foreign_prefix():
    return acme(('prefix="/acme"', 'prefix="/things"'))


@breaks("plugin.routes-shadow-nobody")
def build_shadowing():
    return acme(
        (
            ROUTES,
            '    other = APIRouter()\n    other.add_api_route("/events/{any}", lambda: {}, methods=["GET"])\n    return [trunkline.Routes(other)]\n',
        )
    )


@breaks("plugin.routes-are-documented")
def build_hidden():
    return acme(
        (
            '@router.get("/notes", response_model=Notes)',
            '@router.get("/notes", response_model=Notes, include_in_schema=False)',
        ),
        (
            '@router.post("/notes", response_model=Note, status_code=201)',
            '@router.post("/notes", response_model=Note, status_code=201, include_in_schema=False)',
        ),
    )


@breaks("plugin.routes-have-models")
def build_without_model():
    return acme(('@router.get("/notes", response_model=Notes)', '@router.get("/notes")'))


@breaks("plugin.routes-demand-a-key")
def build_open_to_all():
    return acme((f"async def list_notes(caller: {READS})", "async def list_notes()"))


@breaks("plugin.routes-demand-a-scope")
def build_open_to_every_key():
    return acme(
        (
            f"async def list_notes(caller: {READS})",
            f"async def list_notes(caller: {READS_OF_ANYBODY})",
        )
    )


@breaks("plugin.routes-refuse-unknown-fields")
def build_with_lenient_body():
    return acme(("class Note(trunkline.Strict)", "class Note(BaseModel)"))


@breaks("plugin.routes-refuse-unknown-parameters")
def build_with_lenient_query():
    return acme(("APIRouter(route_class=trunkline.StrictRoute, ", "APIRouter("))


@breaks("plugin.routes-answer-problems")
def build_with_plain_errors():
    return acme(
        (
            '        raise trunkline.NotFound("note", "asked for")',
            '        from fastapi.responses import PlainTextResponse\n        return PlainTextResponse("gone", 404)',
        )
    )


@breaks("plugin.routes-survive-garbage")
def build_trusting():
    return acme(
        (
            '        raise trunkline.NotFound("note", "asked for")',
            "        return Note(text=str(int(note_id)))",
        )
    )


@breaks("plugin.pages-are-fragments")
def build_with_an_open_page():
    return acme((PAGE, PAGE.replace('f"<h2>', 'f"</div><h2>')))


@breaks("plugin.pages-have-no-script")
def build_with_a_handler():
    return acme((PAGE, PAGE.replace('f"<h2>', "f\"<img src='x' onerror='alert(1)'><h2>")))


@breaks("plugin.pages-escape-what-is-not-theirs")
def build_unescaped():
    return acme(("{html.escape(request.query.get('q', ''))}", "{request.query.get('q', '')}"))


@breaks("plugin.pages-return-in-time")
def build_with_a_slow_page():
    return acme((PAGE, f"        await asyncio.sleep(60)\n{PAGE}"), patience_seconds=1.0)


@breaks("plugin.pages-show-one-company")
def build_showing_everybody():
    return acme(("context.events.page(request.company_id,", "context.events.page(92,"))


@breaks("plugin.pages-name-a-scope")
def build_with_a_page_for_all():
    return acme((', scope="events:read")', ")"))


@breaks("plugin.starts-again")
def build_that_starts_once():
    once = LOGS + "    if STARTED:\n        raise RuntimeError('started already')\n    STARTED.append(1)\n"
    return acme((LOGS, once), (IMPORTS, "import json\nSTARTED = []\n"))


@breaks("plugin.runs-twice-at-once")
def build_that_runs_once():
    alone = LOGS + "    if RUNNING:\n        raise RuntimeError('runs already')\n    RUNNING.append(1)\n"
    return acme(
        (LOGS, alone),
        (IMPORTS, "import json\nRUNNING = []\n"),
        (CLEANS, CLEANS + "        RUNNING.clear()\n"),
    )


@breaks("plugin.leaves-in-time")
def build_that_does_not_leave():
    return acme((CLEANS, CLEANS + "        await asyncio.sleep(30)\n"))


@breaks("plugin.ends-when-cancelled")
def build_that_cannot_be_cancelled():
    deaf = "        try:\n            await asyncio.sleep(30)\n        except asyncio.CancelledError:\n            await asyncio.sleep(4)\n"
    return acme((CLEANS, CLEANS + deaf), patience_seconds=1.0)


@breaks("plugin.leaves-no-task")
def build_that_leaves_a_task():
    return acme((CLEANS, "        pass\n"))


@breaks("plugin.leaves-no-thread")
def build_that_leaves_a_thread():
    return acme(
        (
            LOGS,
            LOGS
            + "    import threading; threading.Thread(target=threading.Event().wait, name='acme', daemon=True).start()\n",
        )
    )


@breaks("plugin.leaves-no-socket")
def build_that_leaves_a_socket():
    opens = LOGS + "    import socket; LEFT.append(socket.create_server(('127.0.0.1', 0)))\n"
    return acme((LOGS, opens), (IMPORTS, "import json\nLEFT = []\n"))


@breaks("plugin.logs-no-error")
def build_that_raises():
    return acme((TELLS_EVENTS, "    raise RuntimeError('what is that?')\n"))


@breaks("plugin.logs-through-its-context")
def build_with_its_own_log():
    return acme((LOGS, '    import logging; logging.getLogger("acme").info("acme starts")\n'))


@breaks("plugin.disabled-leaves-nothing")
def build_that_stays():
    stays = '    from trunkline.api import system\n    system.ROUTES += (system.Route("GET", "/api/v1/acme/left", lambda _: {}),)\n'
    return acme((ROUTES, stays + '    router.add_api_route("/left", lambda: {}, methods=["GET"])\n'))


@breaks("plugin.event-accepted-returns-in-time")
def build_slow_to_hear_of_events():
    return acme((TELLS_EVENTS, "    await asyncio.sleep(30)\n"), patience_seconds=1.0)


@breaks("plugin.event-accepted-takes-anything")
def build_expecting_numbers():
    return acme(
        (TELLS_EVENTS, "    for event in events:\n        json.loads(event.body)['payload']['client_id']\n")
    )


@breaks("plugin.attempt-finished-returns-in-time")
def build_slow_to_hear_of_attempts():
    return acme((TELLS_ATTEMPTS, "        import time; time.sleep(4)\n"), patience_seconds=1.0)


@breaks("plugin.attempt-finished-takes-anything")
def build_expecting_answers():
    return acme((TELLS_ATTEMPTS, "        attempt.result.status_code + 1\n"))


@breaks("plugin.subscription-changed-returns-in-time")
def build_slow_to_hear_of_subscriptions():
    return acme((TELLS_SUBSCRIPTIONS, "    import time; time.sleep(4)\n"), patience_seconds=1.0)


@breaks("plugin.subscription-changed-takes-anything")
def build_expecting_order():
    expects = "    KNOWN.remove(subscription.subscription_id) if subscription.status == 'deleted' else KNOWN.add(subscription.subscription_id)\n"
    return acme((TELLS_SUBSCRIPTIONS, expects), (IMPORTS, "import json\nKNOWN = set()\n"))


@breaks("plugin.memory-does-not-grow")
def build_growing():
    return acme((TELLS_EVENTS, "    SEEN.extend(events)\n"), (IMPORTS, "import json\nSEEN = []\n"))


def build_in_memory() -> Broken:
    """Not broken: a plugin that is a module object, which no file holds."""
    good = acme()
    module = ModuleType("acme")
    exec(compile(good.plugin.text, "acme", "exec"), vars(module))
    return Broken(module, {"settings": SETTINGS})


VERSIONED = '''
"""A plugin with two versions of an event type."""

import itertools

import trunkline
from trunkline import hookimpl

COUNT = itertools.count()
TEXT = {"type": "string", "description": "what was said"}
AMOUNT = {"type": "number", "description": "how much"}


def schema(**properties):
    example = {name: "x" if field is TEXT else 99.5 for name, field in properties.items()}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(properties),
        "examples": [example],
    }


@hookimpl
def register_event_types():
    old, new = schema(text=TEXT, amount=AMOUNT), schema(text=TEXT, total=AMOUNT, currency=TEXT)
    return [
        trunkline.EventType("acme.paid", "Paid", "Somebody paid.", old, 1),
        trunkline.EventType("acme.paid", "Paid", "Somebody paid.", new, 2),
    ]


def up(payload):
    return {"text": payload["text"], "total": payload["amount"], "currency": "EUR"}


def down(payload):
    return {"text": payload["text"], "amount": payload["total"]}


@hookimpl
def register_casters():
    return [trunkline.Caster("acme.paid", 1, 2, up), trunkline.Caster("acme.paid", 2, 1, down)]
'''


def versioned(old="", new=""):
    assert VERSIONED.count(old) == 1 or not old, old
    return Broken(Source("acme", VERSIONED.replace(old, new) if old else VERSIONED), {"settings": {}})


@breaks("plugin.casters-give-valid-payloads")
def build_with_a_caster_that_some_payloads_break():
    return versioned('"currency": "EUR"}', '"currency": "EUR" if payload["amount"] > 0 else None}')


@breaks("plugin.casters-round-trip")
def build_with_casters_that_lose_something():
    return versioned('"total": payload["amount"]', '"total": round(payload["amount"])')


@breaks("plugin.casters-are-pure")
def build_with_a_caster_that_counts():
    return versioned('"currency": "EUR"}', '"currency": str(next(COUNT))}')
