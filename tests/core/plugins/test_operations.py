"""Operations from plugins: one hook for actions, searches and lookups, each checked before it is accepted."""

import pytest

from trunkline import plugins
from trunkline.contract import Operation
from trunkline.schemas.definitions import Definition


async def run(call):
    raise NotImplementedError


def defined(name, kind):
    return Definition(kind, name, name, name, "GET", f"/{kind}/{name}", {}, {}, {})


DEFINED = [defined("ring", "action"), defined("rooms", "search"), defined("rooms", "lookup")]


def collect(make_registry, *operations):
    def register_operations():
        return list(operations)

    registry = make_registry(acme=[register_operations])
    collected = plugins.collect_with(
        registry, contexts=lambda name, settings: None, definitions=DEFINED, with_routes=False
    )
    return collected, registry.records[0].error


def test_the_kind_is_that_of_the_definition(make_registry):
    operations = (
        Operation("ring", run),
        Operation("rooms", run, kind="lookup"),
        Operation("rooms", run, kind="search"),
    )
    collected, error = collect(make_registry, *operations)
    assert error is None
    assert set(collected.providers) == {("action", "ring"), ("lookup", "rooms"), ("search", "rooms")}
    assert {provider.kind for _, provider in collected.providers.values()} == {"action", "lookup", "search"}


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        (Operation("rooms", run), "name 'rooms' is that of a search and of a lookup; give its kind"),
        (
            Operation("rang", run),
            "name 'rang' is neither an action, a search nor a lookup that is defined; defined are ring, rooms, rooms",
        ),
        (
            Operation("ring", run, kind="lookup"),
            "name 'ring' is no lookup that is defined; defined are rooms",
        ),
        (Operation("ring", "run"), "run is a value of type str, not a function"),
        (Operation("ring", run, kind="verb"), "kind 'verb' is none of action, search, lookup"),
        (Operation("ring", run, definition={}), "definition is a value of type dict, not a Definition"),
        (
            Operation("ring", run, definition=defined("ring", "action")),
            "definition of 'ring' is its own, but the schemas define it already",
        ),
        (
            Operation("call", run, definition=defined("shout", "action")),
            "definition is of the action 'shout', not of the action 'call'",
        ),
    ],
)
def test_a_faulty_one_is_refused_with_the_plugin_and_the_hook(make_registry, operation, fault):
    _, error = collect(make_registry, operation)
    assert error == f"Plugin 'acme' gave a faulty Operation in register_operations: its {fault}"


def test_one_that_is_given_twice_is_refused(make_registry):
    _, error = collect(make_registry, Operation("ring", run), Operation("ring", run, kind="action"))
    assert error == "Plugin 'acme' gives the action 'ring' twice"
