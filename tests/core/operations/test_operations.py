"""The service behind actions, searches and lookups: checks of input and output, and the extent of a transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import ModuleType

import pytest
from sqlalchemy import text
from tests import statements
from tests.payloads import FAILED
from tests.statements import execute

from trunkline import plugins
from trunkline.contract import Answer, Call, EmittedEvent, Operation
from trunkline.contract.hookspecs import hookimpl
from trunkline.errors import (
    BadQuery,
    BodyInvalid,
    FieldError,
    IdempotencyConflict,
    NotFound,
    ProviderFailed,
    StoreUnavailable,
    TooMuchAtOnce,
)  # fmt: skip
from trunkline.operations import Operations, service
from trunkline.plugins import PluginRecord, Registry
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import Definition, Example, ItemList

COMPANY = 92
SIGNED = EmittedEvent(COMPANY, "payment.failed", FAILED)

LEAN = {"plugins.enabled": "polling"}

pytestmark = pytest.mark.own_hub(settings=LEAN)

Handle = Callable[[Call], Awaitable[Answer]]


def schema(*required: str, **properties: object) -> dict:
    described = {name: {"title": name, "description": name, **one} for name, one in properties.items()}
    shape = {"type": "object", "properties": described, "required": list(required)}
    return shape | {"additionalProperties": False}


TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "boolean"}
ROOM = {"type": "number"}
OUTPUT = schema("id", id=NUMBER)


def definition(kind="action", name="create_thing", method="POST", path="/things", **more) -> Definition:
    numbered = "{thing_id}" in path
    chosen = {
        "parameters": schema("thing_id", thing_id=NUMBER) if numbered else schema(),
        "input": schema("title", title=TEXT, note=TEXT),
        "output": OUTPUT,
        "examples": [Example({"thing_id": 1} if numbered else {}, {"title": "A"}, {"id": 1})],
        "success_status": 201 if method == "POST" else 200,
        **more,
    }
    return Definition(kind, name, name, name, method, path, **chosen)


CREATE = definition()
UPDATE = definition(name="update_thing", method="PATCH", path="/things/{thing_id}")
FIND = definition(
    "search", "find_thing", "GET", "/things/search",
    input=schema(title=TEXT, size=NUMBER, is_new=FLAG, room=ROOM),
)  # fmt: skip
LIST = definition(
    "lookup", "things", "GET", "/lookups/things",
    input=schema(q=TEXT),
    output=schema("things", things={"type": "array", "items": schema(id=NUMBER, name=TEXT)}),
    examples=[Example({}, {}, {"things": []})],
    listed=ItemList("things", "id", "name"),
)  # fmt: skip


def plugin_of(*providers: Operation) -> ModuleType:
    module = ModuleType("acme")

    @hookimpl
    def register_operations():
        return providers

    module.register_operations = register_operations
    return module


def operations_of(hub, *providers, defined=()) -> Operations:
    """Build the service over *hub*'s database, with one plugin that gives *providers*."""
    registry = Registry([PluginRecord("acme", "1.0", "acme", "active")], required=True)
    registry.register("acme", plugin_of(*providers))
    plugins.collect_static(registry, sections={})
    plugins.collect_with(registry, contexts=lambda _name, _settings: None, definitions=defined)
    catalog = DefinitionCatalog(defined)
    return Operations(hub.engines, registry=registry, catalog=catalog, ingest=hub.ingest)


class Things:
    """A provider that notes its calls, and answers as the test says."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.calls: list[Call] = []
        self.answers = list(answers)
        self.go = asyncio.Event()
        self.go.set()
        self.begun = asyncio.Event()

    async def run(self, call: Call) -> Answer:
        self.calls.append(call)
        self.begun.set()
        await self.go.wait()
        if call.connection is not None and call.definition.kind == "action":
            await call.connection.execute(text("INSERT INTO things DEFAULT VALUES"))
        answer = self.answers.pop(0) if self.answers else Answer({"id": len(self.calls)})
        if isinstance(answer, Exception):
            raise answer
        return answer


def creating(hub, *answers: Answer | Exception, uses_database: bool = True) -> tuple[Things, Operations]:
    """Give a provider that creates things, and the service over it."""
    things = Things(*answers)
    provider = Operation("create_thing", things.run, CREATE, uses_database=uses_database)
    return things, operations_of(hub, provider)


async def begun_elsewhere(hub, key: str | None = "k"):
    """Begin an action elsewhere that ends once ``things.go`` is set."""
    things, operations = creating(hub, uses_database=False)
    things.go.clear()
    first = asyncio.create_task(act(operations, key=key))
    await things.begun.wait()
    return things, operations, first


async def act(operations, asked=CREATE, key=None, parameters=None, **given):
    request = {"parameters": parameters or {}, "input": given or {"title": "A"}, "idempotency_key": key}
    return await operations.call(asked, company_id=COMPANY, key_id="key_1", **request)


@pytest.fixture
async def hub(running):
    """Start a hub on each engine in turn, with a table of things."""
    column = "id integer PRIMARY KEY"
    if not running.hub.engines.dialect.has_one_writer:
        column = "id integer GENERATED BY DEFAULT AS IDENTITY"
    await execute(running.hub.engines, f"CREATE TABLE things ({column})")
    return running.hub


@pytest.fixture
async def small(lend_hub):
    """Share a hub on SQLite for tests that do not depend on the database; each test starts without others' data."""
    lent = await lend_hub("sqlite", LEAN, dispatch=False)
    async with lent.hub.engines.write() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS things (id integer PRIMARY KEY)"))
        for table in ("things", "operation_keys", "events"):
            await connection.execute(text(f"DELETE FROM {table}"))
    return lent.hub


async def count(hub, table="things") -> int:
    """Count a table's rows, except for the events about keys."""
    without = " WHERE type NOT LIKE 'key.%'" if table == "events" else ""
    return await statements.count(hub.engines, table + without)


async def test_a_provider_gets_body_and_path_together_without_empty_strings(small):
    things = Things()
    operations = operations_of(small, Operation("update_thing", things.run, UPDATE))
    await act(operations, UPDATE, parameters={"thing_id": "12"}, title="A", note="")
    (call,) = things.calls
    assert call.input == {"thing_id": 12, "title": "A"}
    assert (call.company_id, call.key_id, call.definition) == (COMPANY, "key_1", UPDATE)
    assert call.idempotency_key.startswith("op_")


async def test_the_texts_of_a_query_become_what_the_schema_asks_for(small):
    things = Things()
    operations = operations_of(small, Operation("find_thing", things.run, FIND))
    await act(operations, FIND, title="7", size="7", is_new="true", room="2.5")
    assert things.calls[0].input == {"title": "7", "size": 7, "is_new": True, "room": 2.5}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"note": "x"}, {"/title"}),
        ({"title": "", "note": "x"}, {"/title"}),
        ({"title": 7, "more": 1}, {"/title", "/more"}),
    ],
)
async def test_a_body_that_breaks_its_schema_is_refused_with_every_fault(small, given, wrong):
    things, operations = creating(small)
    with pytest.raises(BodyInvalid) as caught:
        await act(operations, **given)
    assert {fault.path for fault in caught.value.errors} == wrong
    assert things.calls == []


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "\u0661", "9" * 20, ""])
async def test_what_cannot_be_a_number_in_the_path_is_not_found(small, value):
    operations = operations_of(small, Operation("update_thing", Things().run, UPDATE))
    with pytest.raises(NotFound) as caught:
        await act(operations, UPDATE, parameters={"thing_id": value})
    assert str(caught.value) == f"There is no thing '{value}' here."


async def test_a_query_that_breaks_its_schema_is_refused_by_its_parameters_name(small):
    operations = operations_of(small, Operation("find_thing", Things().run, FIND))
    with pytest.raises(BadQuery) as caught:
        await act(operations, FIND, size="many")
    assert [fault.path for fault in caught.value.errors] == ["size"]
    assert str(caught.value).startswith("The query parameter 'size' must be ")


async def test_a_create_is_answered_with_201_and_what_was_there_with_200(small):
    _, operations = creating(small, Answer({"id": 1}), Answer({"id": 1}, is_new=False))
    assert (await act(operations)).status == 201
    assert (await act(operations)).status == 200


@pytest.mark.parametrize("uses_database", [True, False])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer({"id": "1"}), "its answer is not valid at '/id': must be a whole number, not a string"),
        (Answer({}), "its answer is not valid at '/id': is required"),
        (Answer({"id": {1}}), "its answer is not valid: is not JSON data: Type is not JSON serializable: set"),
        (None, "its answer is not valid: is a value of type NoneType, not an Answer"),
        (
            Answer({"id": 1}, [EmittedEvent(COMPANY, "payment.failed", {})]),
            "its answer is not valid at '/events/0/payload/payment_id': is required",
        ),
        (
            Answer({"id": 1}, [EmittedEvent(COMPANY, "no.such", {})]),
            ("its answer is not valid at '/events/0/type': is not a known event type: 'no.such'; known are affiliate.created, "
            "agreement.signed, client.created, client.status_changed, document.uploaded, invoice.created, "
            "invoice.status_changed, lead.created, payment.failed, payment.succeeded"),
        ),
        (
            Answer({"id": 1}, [EmittedEvent(93, "payment.failed", FAILED)]),
            "its answer is not valid at '/events/0': belongs to another company than the call",
        ),
        (RuntimeError("hush"), "plugin 'acme' failed"),
    ],
)  # fmt: skip
async def test_a_provider_that_errs_is_named_logged_and_leaves_nothing_behind(
    small, caplog, answer, reason, uses_database
):
    _, operations = creating(small, answer, uses_database=uses_database)
    with caplog.at_level(logging.ERROR), pytest.raises(ProviderFailed) as caught:
        await act(operations, key="k")
    assert caught.value.detail == f"'create_thing' could not be carried out: {reason}."
    assert [record.name for record in caplog.records] == ["trunkline.plugins.acme"]
    for table in ("things", "events", "operation_keys"):
        assert await count(small, table) == 0
    assert (await act(operations, key="k")).status == 201


async def test_what_a_provider_refuses_goes_through_and_leaves_nothing_behind(hub):
    refusal = BodyInvalid([FieldError("/title", "is taken")])
    _, operations = creating(hub, refusal)
    with pytest.raises(BodyInvalid) as caught:
        await act(operations, key="k")
    assert caught.value is refusal
    assert (await count(hub), await count(hub, "operation_keys")) == (0, 0)


async def test_a_database_that_is_away_is_said_to_be_away(small):
    _, operations = creating(small, StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable):
        await act(operations)


async def test_a_provider_that_takes_too_long_is_cancelled(small, monkeypatch):
    monkeypatch.setattr(service, "HERE_SECONDS", 0.05)
    things = Things()
    things.go.clear()
    operations = operations_of(small, Operation("create_thing", things.run, CREATE))
    with pytest.raises(ProviderFailed) as caught:
        await act(operations)
    assert caught.value.detail == "'create_thing' could not be carried out: it took longer than 0.05 s."
    assert await count(small) == 0
    things.go.set()
    assert (await act(operations)).status == 201


async def test_only_actions_emit_events(small):
    things = Things(Answer({"id": 1}, [SIGNED]))
    operations = operations_of(small, Operation("find_thing", things.run, FIND))
    with pytest.raises(ProviderFailed, match="only actions emit events"):
        await act(operations, FIND, title="A")


async def test_a_lookup_reads_with_a_connection_and_one_elsewhere_without(small):
    here, elsewhere = Things(Answer({"things": []})), Things()
    providers = [
        Operation("things", here.run, LIST),
        Operation("find_thing", elsewhere.run, FIND, uses_database=False),
    ]
    operations = operations_of(small, *providers)
    assert (await act(operations, LIST, q="A")).body == b'{"things":[]}'
    await act(operations, FIND, title="A")
    assert here.calls[0].connection is not None
    assert elsewhere.calls[0].connection is None


async def test_records_and_events_are_there_together(hub):
    _, operations = creating(hub, Answer({"id": 1}, [SIGNED] * 2))
    await act(operations)
    assert (await count(hub), await count(hub, "events")) == (1, 2)


async def test_an_action_is_seen_by_a_waiting_poll_at_once(running, hub, monkeypatch):
    monkeypatch.setattr("trunkline.stream.pages.LOOK_SECONDS", 600)  # it has to be woken
    poll = asyncio.create_task(running.client.get("/api/v1/events?wait=10"))
    _, operations = creating(hub, Answer({"id": 1}, [SIGNED]))
    await act(operations)
    assert len((await poll).json()["events"]) == 1


@pytest.mark.parametrize("uses_database", [True, False], ids=["here", "elsewhere"])
async def test_a_repeated_key_gets_the_first_answer(hub, uses_database):
    things, operations = creating(hub, Answer({"id": 7}, [SIGNED]), uses_database=uses_database)
    first, again = await act(operations, key="k"), await act(operations, key="k")
    assert (first.status, first.body, first.repeated) == (201, b'{"id":7}', False)
    assert (again.status, again.body, again.repeated) == (201, b'{"id":7}', True)
    assert (len(things.calls), await count(hub, "events")) == (1, 1)
    assert things.calls[0].idempotency_key == "k"


@pytest.mark.parametrize("uses_database", [True, False], ids=["here", "elsewhere"])
async def test_one_key_at_once_is_carried_out_once(hub, uses_database):
    things, operations = creating(hub, Answer({"id": 7}, [SIGNED]), uses_database=uses_database)
    answers = await asyncio.gather(*(act(operations, key="k") for _ in range(32)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, b'{"id":7}')}
    assert (len(things.calls), await count(hub, "events")) == (1, 1)


@pytest.mark.parametrize("uses_database", [True, False], ids=["here", "elsewhere"])
async def test_a_key_is_for_one_request_of_one_company(hub, uses_database):
    things = Things()
    providers = [
        Operation("create_thing", things.run, CREATE, uses_database=uses_database),
        Operation("update_thing", things.run, UPDATE, uses_database=uses_database),
    ]
    operations = operations_of(hub, *providers)
    await act(operations, UPDATE, key="k", parameters={"thing_id": "1"})
    for asked, parameters, given in (
        (UPDATE, {"thing_id": "2"}, {"title": "A"}),
        (UPDATE, {"thing_id": "1"}, {"title": "B"}),
        (CREATE, {}, {"title": "A"}),
    ):
        with pytest.raises(IdempotencyConflict) as caught:
            await act(operations, asked, key="k", parameters=parameters, **given)
        assert str(caught.value).startswith("The Idempotency-Key 'k' was used for another request;")
    again = await act(operations, UPDATE, key="k", parameters={"thing_id": "1"}, title="A", note="")
    assert again.repeated
    other = await operations.call(
        CREATE, company_id=93, key_id="key_2", parameters={}, input={"title": "A"}, idempotency_key="k"
    )
    assert (other.status, other.repeated) == (201, False)


async def test_a_key_is_forgotten_after_24_hours(hub):
    _, operations = creating(hub)
    await act(operations, key="k")
    await execute(hub.engines, f"UPDATE operation_keys SET created_ms = created_ms - {24 * 3600 * 1000}")
    assert not (await act(operations, key="k", title="B")).repeated


async def test_a_key_is_held_while_the_action_runs_elsewhere_and_nothing_else_is(hub):
    things, operations, first = await begun_elsewhere(hub)
    with pytest.raises(IdempotencyConflict):
        await act(operations, key="k", title="B")
    second = asyncio.create_task(act(operations, key="k"))
    await hub.ingest.emit(SIGNED)  # the database accepts other writes meanwhile
    things.go.set()
    assert [(await task).body for task in (first, second)] == [b'{"id":1}'] * 2
    assert len(things.calls) == 1


async def test_a_key_whose_process_has_died_is_taken_over_when_its_lease_is_over(hub):
    things, operations, first = await begun_elsewhere(hub)
    await execute(hub.engines, "UPDATE operation_keys SET lease_until_ms = 0")
    things.begun.clear()
    second = asyncio.create_task(act(operations, key="k"))
    await things.begun.wait()
    things.go.set()
    with pytest.raises(ProviderFailed, match="another request with its key has begun it again"):
        await first
    assert (await second).status == 201
    assert (await act(operations, key="k")).body == (await second).body


async def test_a_key_that_is_held_elsewhere_is_waited_for_here(small):
    """After a restart, another provider may carry out the action."""
    things = Things()
    things.go.clear()
    elsewhere = operations_of(small, Operation("create_thing", things.run, CREATE, uses_database=False))
    here = operations_of(small, Operation("create_thing", Things().run, CREATE))
    first = asyncio.create_task(act(elsewhere, key="k"))
    await things.begun.wait()
    second = asyncio.create_task(act(here, key="k"))
    await small.ingest.emit(SIGNED)  # the second call has checked by then
    things.go.set()
    assert (await second).body == (await first).body


async def test_only_so_many_calls_of_a_company_are_with_a_provider_elsewhere(hub, monkeypatch):
    monkeypatch.setattr(service, "MAX_ELSEWHERE", 1)
    monkeypatch.setattr(service, "RETRY_SECONDS", 0.05)
    things, operations, first = await begun_elsewhere(hub, key=None)
    with pytest.raises(TooMuchAtOnce, match="too many calls of actions, searches and lookups under way"):
        await act(operations)
    things.go.set()
    assert (await first).status == 201
    assert (await act(operations)).status == 201


async def test_only_so_many_calls_of_a_company_wait_for_the_first_one_with_their_key(hub, monkeypatch):
    monkeypatch.setattr(service, "MAX_WAITING", 2)
    things, operations, first = await begun_elsewhere(hub)
    others = [asyncio.create_task(act(operations, key="k")) for _ in range(3)]
    (refused, *_), waiting = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
    with pytest.raises(TooMuchAtOnce, match="2 calls that wait for an earlier one"):
        await refused
    things.go.set()
    assert {(await task).body for task in (first, *waiting)} == {b'{"id":1}'}
    assert (await act(operations, key="k")).repeated


async def test_a_call_that_is_cancelled_gives_its_key_back(small):
    _, _, first = await begun_elsewhere(small)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await count(small, "operation_keys") == 0


async def test_what_is_defined_and_what_is_provided_are_listed_by_name(small):
    other = definition(name="archive_thing", path="/things/archive")
    operations = operations_of(
        small, Operation("create_thing", Things().run), Operation("own", Things().run, definition(name="own", path="/o")),
        defined=[CREATE, other, FIND],
    )  # fmt: skip
    assert [one.name for one in operations.defined("action")] == ["archive_thing", "create_thing"]
    assert [one.name for one in operations.provided("action")] == ["create_thing", "own"]
    assert operations.provided("search") == []


async def test_what_nobody_carries_out_any_more_is_said_to_be_so(small):
    operations = operations_of(small, defined=[CREATE])
    with pytest.raises(ProviderFailed, match=r"the plugin that carries it out does not run any more\.$"):
        await act(operations)
