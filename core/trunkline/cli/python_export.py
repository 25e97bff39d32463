"""``export python``: the types of a deployment's events, actions, searches and lookups, and clients that use them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trunkline.cli.python_types import PythonTypes, is_name, pascal
from trunkline.model.event_groups import EVERY_TYPE, type_groups
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition
from trunkline.schemas.fields import item_list, item_schema

_HEAD = '''"""The types of {product}, written by ``trunkline export python``: write it anew when they change.

``Client`` and ``AsyncClient`` are those of ``trunkline_client`` for a type checker that knows your event types, actions and
searches; while running they are the same.
"""

# mypy: disable-error-code="override, assignment"
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# ruff: noqa

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, cast, overload

import trunkline_client

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

'''
_CHECKED = """
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator, Iterable, Mapping, Sequence

    from typing_extensions import Unpack
"""
_EVENT = """
    class {}(trunkline_client.Event):
        type: Literal[{!r}]
        payload: {}
"""
_RUNNING = """\
    EventName = EventGroup = str
    Client = trunkline_client.Client
    AsyncClient = trunkline_client.AsyncClient
"""
_TYPED = '''

def typed(event: trunkline_client.Event) -> AnyEvent:
    """Give *event*, of a webhook for instance, the type by which ``event.type`` tells its payload."""
    return cast("AnyEvent", event)
'''
_EMIT = ", *, metadata: Mapping[str, Any] | None = None, company_id: int | str | None = None, idempotency_key: str | None = None"
_ACT = ", *, idempotency_key: str | None = None"
_FOLLOW = "places: trunkline_client.Places | None = None, *, types: Iterable[EventName | EventGroup] = (), since: str | None = None, filter: Mapping[str, Any] | None = None, wait_seconds: float = 30"
_CONSUME = "name: str, *, types: Sequence[EventName | EventGroup] | None = None, filter: Mapping[str, Any] | None = None, start: str | None = None, lease_seconds: int = 60, wait_seconds: int = 30, limit: int = 200"

_PARAMETERS = {"self", "idempotency_key"}
"""Fields of these names are no keyword arguments, because the methods have parameters of these names."""

_Overload = tuple[str, str]
"""One overload of a method: its parameters and its result."""


def python_module(
    product: str, types: Sequence[EventType], operations: Mapping[str, Sequence[Definition]]
) -> str:
    """Write the module. *operations* are the ``action``, ``search`` and ``lookup`` definitions."""
    in_use = {"EventName", "EventGroup", "AnyEvent", *re.findall(r"\w+", _HEAD + _CHECKED)}
    given = PythonTypes(number="Decimal | int", names=in_use)
    taken = PythonTypes(number="Decimal | float", names=in_use)
    payloads = {one.name: given.declare(pascal(one.name), one.schema) for one in types}
    events = {name: given.reserve(f"{payload}Event") for name, payload in payloads.items()}
    searches = [_search(one, taken, given) for one in operations["search"]]
    forms = {
        "emit": [
            (f"type: Literal[{name!r}], payload: {payload}{_EMIT}", events[name])
            for name, payload in payloads.items()
        ],
        "act": [(_parameters(one, taken, more=_ACT), _output(one, given)) for one in operations["action"]],
        "search": [(parameters, f"{record} | None") for parameters, record in searches],
        "search_all": searches,
        "lookup": [
            (f"name: Literal[{one.name!r}], query: str | None = None", _item(one, given))
            for one in operations["lookup"]
        ],
    }
    names = ", ".join(map(repr, events))
    groups = ", ".join(map(repr, [*type_groups(events), EVERY_TYPE]))
    checked = [
        *(_EVENT.format(events[name], name, payload) for name, payload in payloads.items()),
        f"    EventName: TypeAlias = Literal[{names}]" if names else "    EventName: TypeAlias = str",
        f"    EventGroup: TypeAlias = Literal[{groups}]",
        f"    AnyEvent: TypeAlias = {' | '.join(events.values()) or 'trunkline_client.Event'}",
        _client("Client", forms, one=str, many="Generator[{}, None, None]".format),
        _client(
            "AsyncClient", forms, one="Coroutine[Any, Any, {}]".format, many="AsyncGenerator[{}, None]".format
        ),
    ]
    same = "".join(f"    {name} = trunkline_client.Event\n" for name in [*events.values(), "AnyEvent"])
    sources = "\n\n".join(filter(None, [taken.source(), given.source()]))
    head = _HEAD.format(product=product.replace("\\", "").replace('"', "'")) + sources + _CHECKED
    return head + "\n".join(checked) + "\nelse:\n" + same + _RUNNING + _TYPED


def _client(
    name: str,
    forms: Mapping[str, Sequence[_Overload]],
    *,
    one: Callable[[str], str],
    many: Callable[[str], str],
) -> str:
    """Write one of the clients. *one* and *many* write the result types of methods that return one value or several."""
    lines = [f"\n    class {name}(trunkline_client.{name}):"]
    for method, overloads in forms.items():
        wrapped = many if method in {"search_all", "lookup"} else one
        lines += _method(method, [(parameters, wrapped(answer)) for parameters, answer in overloads])
    lines += _method("follow", [(_FOLLOW, many("AnyEvent"))])
    lines += _method("consume", [(_CONSUME, many("AnyEvent"))])
    return "\n".join(lines)


def _method(name: str, overloads: Sequence[_Overload]) -> Iterable[str]:
    if len(overloads) == 1:
        [(parameters, answer)] = overloads
        yield f"        def {name}(self, {parameters}) -> {answer}: ..."
    elif overloads:
        for parameters, answer in overloads:
            yield f"        @overload\n        def {name}(self, {parameters}) -> {answer}: ..."
        yield f"        def {name}(self, *args: Any, **values: Any) -> Any: ..."


def _search(search: Definition, taken: PythonTypes, given: PythonTypes) -> _Overload:
    answer = _output(search, given) if item_list(search) is None else _item(search, given)
    return _parameters(search, taken), answer


def _parameters(definition: Definition, taken: PythonTypes, *, more: str = "") -> str:
    """Write the parameters for an action or a search: its name, its input with the parameters of its path, and *more*.

    The input is one mapping if a field cannot be a keyword argument.
    """
    name = f"name: Literal[{definition.name!r}]"
    schema = whole_input(definition)
    if not schema["properties"]:
        return f"{name}, /{more}"
    values = taken.declare(f"{pascal(definition.name)}Input", schema, root=definition.input)
    if all(
        is_name(key) and not key.startswith("__") and key not in _PARAMETERS for key in schema["properties"]
    ):
        return f"{name}, /{more}, **values: Unpack[{values}]"
    return f"{name}, input: {values}, /{more}"


def whole_input(definition: Definition) -> dict[str, Any]:
    """Return the schema of the input of an action or a search, including the parameters of its path."""
    parts = (definition.parameters, definition.input)
    return {
        "type": "object",
        "properties": {key: value for part in parts for key, value in part.get("properties", {}).items()},
        "required": [*definition.parameters.get("properties", {}), *definition.input.get("required", ())],
        "description": definition.description,
    }


def _output(definition: Definition, given: PythonTypes) -> str:
    return given.declare(f"{pascal(definition.name)}Output", definition.output)


def _item(definition: Definition, given: PythonTypes) -> str:
    """Declare the item type of a search or a lookup."""
    name = f"{pascal(definition.name)}Item"
    return given.type_of(item_schema(definition), name=name, root=definition.output)
