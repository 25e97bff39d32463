"""The schemas of tools: references inlined, only properties at the top, and never stricter than the definition."""

import json

import pytest
from jsonschema import Draft202012Validator

from trunkline import read_definition
from trunkline_mcp import schemas


def definition(input, *, parameters=None, kind="action", output=None):
    document = {
        "name": "make_thing",
        "title": "Make Thing",
        "description": "Makes a thing.",
        "method": "POST" if kind == "action" else "GET",
        "path": "/things",
        "input": input,
        "output": output or {"type": "object"},
        "examples": [{"input": {}, "output": {}}],
    } | ({"parameters": parameters} if parameters else {})
    return read_definition(kind, json.dumps(document).encode(), source="test")


def input_of(input, **more):
    return schemas.input_schema(
        definition(input, **more), describe_lookup=lambda reference: f"See {reference}."
    )


def test_references_are_written_out_with_what_stands_beside_them():
    schema = input_of(
        {
            "type": "object",
            "properties": {"home": {"$ref": "#/$defs/Home", "description": "Where."}},
            "$defs": {
                "Home": {
                    "type": "object",
                    "description": "A home.",
                    "properties": {"city": {"$ref": "#/$defs/City"}},
                },
                "City": {"type": "string"},
            },
        }
    )
    home = {"type": "object", "description": "Where.", "properties": {"city": {"type": "string"}}}
    assert schema["properties"]["home"] == home
    assert "$defs" not in schema


def test_a_reference_is_narrowed_by_what_stands_beside_it():
    schema = input_of(
        {
            "type": "object",
            "properties": {"name": {"$ref": "#/$defs/Name", "minLength": 3}},
            "$defs": {"Name": {"type": "string", "minLength": 1}},
        }
    )
    validator = Draft202012Validator(schema)
    assert [validator.is_valid({"name": name}) for name in ("ab", "abc")] == [False, True]


@pytest.mark.parametrize(
    "reference", ["#", "#/$defs/Node", "#/nowhere", "https://elsewhere.example/schema", "#/required/0"]
)
def test_what_leads_into_itself_or_nowhere_is_left_open(reference):
    node = {"type": "object", "properties": {"next": {"$ref": reference}, "name": {"type": "string"}}}
    schema = input_of(
        {
            "type": "object",
            "properties": {"node": {"$ref": "#/$defs/Node"}},
            "$defs": {"Node": node},
        }
    )
    Draft202012Validator.check_schema(schema)
    nested = {"node": {"name": "a", "next": {"name": "b", "next": {"name": "c"}}}}
    assert Draft202012Validator(schema).is_valid(nested | {"idempotency_key": "k"})
    assert len(json.dumps(schema)) < 2_000


def test_a_schema_that_would_grow_without_end_is_cut():
    doubled = {
        f"D{depth}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/D{depth + 1}"} for side in "ab"},
        }
        for depth in range(30)
    }
    schema = input_of({"type": "object", "properties": {"tree": {"$ref": "#/$defs/D0"}}, "$defs": doubled})
    assert len(json.dumps(schema)) < 1_000_000
    assert Draft202012Validator(schema).is_valid({"tree": {"a": {"b": {}}}})


def test_what_is_ours_goes_and_names_of_properties_stay():
    schema = input_of(
        {
            "type": "object",
            "properties": {
                "x-lookup": {
                    "type": "string",
                    "x-order": 1,
                    "examples": [{"x-kept": 1}],
                    "const": {"$ref": "kept"},
                },
                "$ref": {"type": "string", "x-lookup": "colors"},
            },
        }
    )
    assert schema["properties"]["x-lookup"] == {
        "type": "string",
        "examples": [{"x-kept": 1}],
        "const": {"$ref": "kept"},
    }
    assert schema["properties"]["$ref"] == {"type": "string", "description": "See colors."}


def test_the_key_is_left_out_where_a_field_has_its_name():
    own = {"type": "object", "properties": {"idempotency_key": {"type": "integer"}}}
    assert input_of(own)["properties"] == own["properties"]
    assert not schemas.takes_key(definition(own))
    assert not schemas.takes_key(definition({"type": "object", "properties": {}}, kind="search"))


@pytest.mark.parametrize(
    ("top", "sentence"),
    [
        ({}, ""),
        ({"anyOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}, "Give at least one of a, b with c."),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, "Give exactly one of a, b."),
        (
            {"anyOf": [{"properties": {"a": {"const": 1}}}]},
            "Which arguments go together is checked when the tool is called.",
        ),
        ({"not": {"required": ["a"]}}, "Which arguments go together is checked when the tool is called."),
        (
            {"dependentRequired": {"a": ["b"]}},
            "Which arguments go together is checked when the tool is called.",
        ),
    ],
)
def test_what_the_top_asks_for_is_told_and_not_written(top, sentence):
    asked = definition({"type": "object", "properties": {}, **top})
    assert schemas.describe_choice(asked) == sentence
    assert not set(top) & set(schemas.input_schema(asked, describe_lookup=lambda _: ""))


def test_an_output_keeps_all_that_it_promises():
    output = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/A"}]}},
        "$defs": {"A": {"type": "integer"}},
    }
    written = schemas.output_schema(definition({"type": "object"}, output=output))
    assert written == {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "null"}, {"type": "integer"}]}},
    }
