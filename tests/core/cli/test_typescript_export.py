"""The module that ``export typescript`` writes, and its types."""

import pytest
from tests.core.cli.test_python_export import SCHEMA, definition

from trunkline.cli.typescript_export import comment, type_of, typescript_module
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import ItemList

ORDER = "{ order_id: number }"


def test_a_product_with_everything_and_one_with_nothing():
    warnings = {"type": "array", "items": {"type": "string"}}
    listed = {
        "type": "object",
        "properties": {"warnings": warnings, "items": {"type": "array", "items": SCHEMA}},
    }
    operations = {
        "action": [definition("action", "cancel-order", parameters=SCHEMA)],
        "search": [
            definition("search", "find_orders", output=listed),
            definition("search", "get_order", is_single=True),
        ],
        "lookup": [
            definition("lookup", "orders", output=listed, listed=ItemList("items", "order_id", "order_id"))
        ],
    }
    source = typescript_module("Acme", [EventType("order.made", "A */ title", "It.", SCHEMA)], operations)
    assert source.splitlines()[3:] == [
        "export type Hub = {",
        "  events: {",
        "    /** A * / title */",
        f'    "order.made": {ORDER};',
        "  };",
        "  actions: {",
        "    /** Title */",
        f'    "cancel-order": {{ input: {ORDER}; output: {ORDER} }};',
        "  };",
        "  searches: {",
        "    /** Title */",
        f"    find_orders: {{ input: {{}}; output: {ORDER} }};",
        "    /** Title */",
        f"    get_order: {{ input: {{}}; output: {ORDER} }};",
        "  };",
        "  lookups: {",
        "    /** Title */",
        f"    orders: {ORDER};",
        "  };",
        "};",
    ]
    nothing = typescript_module("Acme", [], {"action": [], "search": [], "lookup": []})
    assert nothing.endswith("any>>;\n  actions: {};\n  searches: {};\n  lookups: {};\n};\n")


TREE = {"type": "array", "items": {"$ref": "#/$defs/tree"}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, "string | null"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}, "number | null"),
        ({"anyOf": [{"type": "string"}, {}]}, "unknown"),
        ({"enum": ['a "b"', 1, None]}, '"a \\"b\\"" | 1 | null'),
        ({"const": True}, "true"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "(string | null)[]"),
        ({"type": "array"}, "unknown[]"),
        ({"type": "object"}, "Record<string, any>"),
        (
            {"type": "object", "properties": {"a": {}}, "then": {"properties": {"b": {}}}},
            "{ a?: unknown; b?: unknown }",
        ),
        (
            {"type": "object", "patternProperties": {"^n": {}}, "additionalProperties": False},
            "Record<string, any>",
        ),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, "unknown[]"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "Record<string, boolean>"),
        (
            {"type": "object", "properties": {"a-b": {"type": "string"}, "c": {}}, "required": ["c"]},
            '{ "a-b"?: string; c: unknown }',
        ),
        ({"$ref": "#/$defs/text"}, "string"),
        ({"$ref": "#/$defs/tree"}, "unknown[]"),
        ({"$ref": "#/components/schemas/Event"}, "Event"),
        (True, "unknown"),
    ],
)
def test_the_type_of_a_schema(schema, expected):
    assert type_of(schema, root={"$defs": {"text": {"type": "string"}, "tree": TREE}}) == expected


def test_a_comment_is_one_line():
    assert comment("One.\nTwo.") == "/** One. */"
