"""Nulls that count as absent."""

import time

import pytest

from trunkline.schemas.catalog import Json
from trunkline.schemas.nulls import NullRules

STRING, NULLABLE = {"type": "string"}, {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": STRING,
        "city": STRING,
        "phone": {"anyOf": [{"$ref": "#/$defs/phone"}, {"type": "null"}]},
        "size": {"enum": ["s", None]},
        "home": {"$ref": "#/$defs/place"},
        "homes": {"type": "array", "items": {"$ref": "#/$defs/place"}},
        "extra": {},
    },
    "required": ["name"],
    "$defs": {
        "phone": STRING,
        "place": {
            "type": "object",
            "properties": {"street": STRING, "note": NULLABLE, "next": {"$ref": "#/$defs/place"}},
        },
    },
}


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"city": None}, {}),
        ({"phone": None, "size": None, "extra": None}, {"phone": None, "size": None, "extra": None}),
        ({"name": None}, {"name": None}),
        ({"nme": None}, {"nme": None}),
        ({"home": None}, {}),
        ({"home": {"street": None, "note": None}}, {"home": {"note": None}}),
        (
            {"homes": [{"street": None}, {"next": {"next": {"street": None}}}]},
            {"homes": [{}, {"next": {"next": {}}}]},
        ),
        ({"homes": [None]}, {"homes": [None]}),
        ({"extra": {"street": None}}, {"extra": {"street": None}}),
        ({"city": "Rome"}, {"city": "Rome"}),
    ],
    ids=str,
)
def test_null_counts_as_absent_where_a_field_is_optional_and_may_not_be_null(body, read):
    assert NullRules(SCHEMA).without_nulls(body) == read


def test_a_schema_that_contains_itself_has_few_places():
    rules = NullRules(SCHEMA)
    deep: Json = {"street": None}
    for _ in range(60):
        deep = {"next": deep}
    began = time.process_time()
    rules.without_nulls({"homes": [deep] * 500})
    assert time.process_time() - began < 5
    assert len(rules._places) < 20
