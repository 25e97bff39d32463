"""The module that ``export python`` writes, for small and odd products."""

import re
import subprocess
import sys
from typing import Any

import pytest

from trunkline.cli.python_export import python_module
from trunkline.cli.python_types import PythonTypes
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"order_id": {"type": "integer"}},
    "required": ["order_id"],
}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}


def definition(kind: Any, name: str, **parts: Any) -> Definition:
    shapes = {"parameters": NOTHING, "input": NOTHING, "output": SCHEMA} | parts
    return Definition(kind, name, "Title", "Does it.", "POST", f"/{name}", **shapes)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_product_of_any_size_gives_a_module_that_loads(count):
    names = ["one", "two"][:count]
    types = [EventType(f"order.{name}", "Title", "It happened.", SCHEMA) for name in names]
    operations = {kind: [definition(kind, name) for name in names] for kind in ("action", "search", "lookup")}
    source = python_module("Acme", types, operations)
    loaded: dict[str, Any] = {"__name__": "trunkline_hub"}
    exec(compile(source, "trunkline_hub.py", "exec"), loaded)
    assert loaded["Client"].__module__ == "trunkline_client.client"
    assert ("OrderOne" in loaded) is (count > 0)
    assert source.count("        @overload") == (0 if count < 2 else 2 * 2 * 5)


def odd_module() -> str:
    """Write the module of a product whose names collide with one another and with the module's own."""
    names = ["order_item.added", "order.item_added", "order.item_added_event", "any.event", "type.alias"]
    types = [EventType(name, "Title", "It happened.", SCHEMA) for name in names]
    text = {"type": "string"}
    odd = {"type": "object", "properties": {"self": text, "idempotency_key": text, "name": text}}
    operations = {
        kind: [definition(kind, "odd", input=odd), definition(kind, "any", input=SCHEMA)]
        for kind in ("action", "search")
    }
    return python_module("Acme", types, operations | {"lookup": []})


def test_each_class_has_a_name_of_its_own():
    source = odd_module()
    names = re.findall(r"^ *(?:class )?(\w+)(?:\(.*\):|: TypeAlias)", source, re.MULTILINE)
    assert len(names) == len(set(names))
    assert {"OrderItemAdded2", "OrderItemAddedEvent2", "AnyEvent2", "TypeAlias2", "AnyInput2"} <= set(names)
    assert "TypeAlias" not in names


CALLS = """
from trunkline_hub import Client, OrderItemAdded, OrderItemAdded2

def call(hub: Client, one: OrderItemAdded, two: OrderItemAdded2) -> None:
    hub.emit("order_item.added", one)
    hub.emit("order.item_added", two)
    hub.act("odd", {"idempotency_key": "a", "self": "b", "name": "c"}, idempotency_key="d")
    hub.act("any", order_id=1, idempotency_key="b")
    hub.search("odd", {"idempotency_key": "a"})
    hub.search("any", order_id=1)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mypy_accepts_odd_names_and_fields(tmp_path):
    (tmp_path / "trunkline_hub.py").write_text(odd_module())
    (tmp_path / "calls.py").write_text(CALLS)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.10"]
    files = ["calls.py", "trunkline_hub.py"]
    done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, "str | None"),
        ({"anyOf": [{"type": "string"}, {"type": "string"}, {"type": "null"}]}, "str | None"),
        ({"enum": ["it's", 1, None]}, 'Literal["it\'s", 1, None]'),
        ({"const": True}, "Literal[True]"),
        ({"enum": ["a", 1.5, {"a": 1}, [1], 2]}, "Literal['a', 2] | Decimal | dict[str, Any] | list[Any]"),
        ({"const": 1.5}, "Decimal"),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, "list[Any]"),
        (
            {"type": "object", "patternProperties": {"^n": {}}, "additionalProperties": {"type": "string"}},
            "dict[str, Any]",
        ),
        ({"type": "array", "items": {"type": "number"}}, "list[Decimal]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "dict[str, bool]"),
        ({"$ref": "#/$defs/text"}, "str"),
        ({}, "Any"),
        (True, "Any"),
    ],
)
def test_the_type_of_a_schema(schema, expected):
    types = PythonTypes(number="Decimal")
    assert types.type_of(schema, name="X", root={"$defs": {"text": {"type": "string"}}}) == expected
    assert types.source() == ""


@pytest.mark.parametrize("key", ["__secret", "ﬁ", "a²", "class", "x-y", "__class__"])
def test_a_member_keeps_its_name(key):
    types = PythonTypes(number="Decimal")
    held = {"type": "object", "properties": {"x": {"type": "string"}}}
    types.declare("Odd", {"type": "object", "properties": {key: held, "x": {"type": "string"}}})
    loaded: dict[str, Any] = {}
    exec(f"from __future__ import annotations\nfrom typing import *\n{types.source()}", loaded)
    assert loaded["Odd"].__annotations__.keys() == {key, "x"}


def test_a_type_has_the_members_of_its_alternatives_and_conditions():
    types = PythonTypes(number="Decimal")
    text, number = {"type": "string"}, {"type": "integer"}
    parts = [{"properties": {"iban": text, "last": text}}, {"properties": {"last": number, "kind": number}}]
    types.declare("Odd", {"type": "object", "properties": {"kind": text}, "oneOf": parts, "then": parts[0]})
    for line in ("kind: NotRequired[str]", "iban: NotRequired[str]", "last: NotRequired[Any]"):
        assert line in types.source()


def test_the_title_of_a_product_cannot_end_the_module_s_docstring():
    compile(python_module('a """ \\', [], {"action": [], "search": [], "lookup": []}), "x.py", "exec")


def test_references_within_a_schema():
    types = PythonTypes(number="Decimal")
    text, tree = {"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/tree"}}
    root = {"$defs": {"text": text, "tree": tree}}
    twice = {"type": "object", "properties": {"a": {"$ref": "#/$defs/text"}, "b": {"$ref": "#/$defs/text"}}}
    types.declare("Twice", twice, root=root)
    assert types.source().count("NotRequired[str]") == 2
    assert types.type_of({"$ref": "#/$defs/tree"}, name="X", root=root) == "list[Any]"


def test_a_member_that_is_no_name_and_a_schema_that_holds_itself():
    types = PythonTypes(number="Decimal")
    node = {
        "type": "object",
        "properties": {"from": {"type": "string"}, "next": {"$ref": "#/$defs/node"}},
        "required": ["from"],
    }
    types.declare(
        "Root", {"type": "object", "properties": {"node": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    )
    source = types.source()
    loaded: dict[str, Any] = {}
    exec(f"from __future__ import annotations\nfrom typing import *\n{source}", loaded)
    [inner] = [name for name in loaded if name.startswith("RootNode")]
    assert loaded[inner].__annotations__.keys() == {"from", "next"}
    assert f"'next': 'NotRequired[{inner}]'" in source
