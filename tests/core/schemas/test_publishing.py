"""Published schemas let receivers accept later fields, and refuse nothing that the type itself accepts."""

import json
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.files import load_event_types, read_event_type
from trunkline.schemas.publishing import COMMENT, published

CLOSED = {"type": "object", "additionalProperties": False}
PRODUCT = load_event_types(Path(__file__).parents[3] / "schemas" / "trunkline_schemas")


def opened(**schema):
    return published(EventType("order.placed", "t", "d", schema)).schema


@pytest.mark.parametrize("event_type", PRODUCT, ids=lambda event_type: event_type.name)
def test_an_event_type_of_the_product_takes_a_new_field_once_it_is_published(event_type):
    later = {**event_type.example, "brand_new": 1}
    assert not Draft202012Validator(event_type.schema).is_valid(later)
    shown = published(event_type)
    assert Draft202012Validator(shown.schema).is_valid(later)
    assert Draft202012Validator(shown.schema).is_valid(event_type.example)
    assert not Draft202012Validator(shown.schema).is_valid({"brand_new": 1})
    assert shown.schema["$comment"] == COMMENT
    assert orjson.loads(shown.schema_json) == shown.schema


def test_objects_at_every_depth_are_opened_and_what_is_no_schema_is_left_alone():
    inner = {**CLOSED, "properties": {"a": {"const": CLOSED}}}
    schema = {
        **CLOSED,
        "unevaluatedProperties": False,
        "properties": {"additionalProperties": inner, "many": {"items": inner}, "any": {"anyOf": [inner]}},
        "patternProperties": {"^x": inner},
        "$defs": {"d": inner},
        "examples": [CLOSED],
    }
    open_inner = {"type": "object", "properties": {"a": {"const": CLOSED}}}
    assert opened(**schema) == {
        "$comment": COMMENT,
        "type": "object",
        "properties": {
            "additionalProperties": open_inner,
            "many": {"items": open_inner},
            "any": {"anyOf": [open_inner]},
        },
        "patternProperties": {"^x": open_inner},
        "$defs": {"d": open_inner},
        "examples": [CLOSED],
    }


A, B = ({**CLOSED, "properties": {name: {"type": "integer"}}} for name in "ab")


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        ({"oneOf": [A, B]}, {"a": 1}),
        ({"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}], "$defs": {"A": A, "B": B}}, {"a": 1}),
        ({"oneOf": [A, B], "anyOf": [A], "allOf": [A]}, {"a": 1}),
        ({"not": {"$ref": "#/$defs/A"}, "$defs": {"A": A}}, {"b": 1}),
        ({"not": A}, {"b": 1}),
        ({"if": {"$ref": "#/$defs/A"}, "then": {"required": ["a"]}, "$defs": {"A": A}}, {"b": 1}),
        ({"properties": {"l": {"contains": A, "maxContains": 1}}}, {"l": [{"a": 1}, {"b": 1}]}),
        (
            {"properties": {"l": {"contains": {"$ref": "#/$defs/A"}, "maxContains": 1}}, "$defs": {"A": A}},
            {"l": [{"a": 1}, {"b": 1}]},
        ),
    ],
)
def test_what_the_type_takes_is_taken_by_what_is_published(schema, payload):
    assert Draft202012Validator(schema).is_valid(payload)
    assert Draft202012Validator(opened(**schema)).is_valid(payload)


def test_alternatives_that_cannot_open_stay_as_they_are():
    nullable = {"oneOf": [{"type": "string"}, {"type": "null"}]}
    assert opened(properties={"a": nullable})["properties"] == {"a": nullable}


def test_numbers_keep_their_digits():
    text = b'{"title": "t", "description": "d", "type": "object", "examples": [{"amount": 99.00}]}'
    shown = published(read_event_type("order.placed", text, source="a file"))
    assert b'"amount": 99.00' in shown.schema_json
    assert shown.example_json == b'{"amount":99.00}'


def test_a_catalogue_judges_by_the_type_and_shows_what_is_published():
    schema = {**CLOSED, "properties": {"a": {"type": "integer"}}, "examples": [{"a": 1}]}
    catalog = SchemaCatalog([EventType("order.placed", "t", "d", schema)], publish=published)
    assert [fault.path for fault in catalog.check("order.placed", {"a": 1, "b": 2})] == ["/b"]
    assert "additionalProperties" not in json.loads(catalog.document("order.placed"))
