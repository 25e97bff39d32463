"""The properties of a schema as forms show them, for all keywords."""

import pytest
from pydantic import BaseModel, Field

from trunkline.schemas.catalog import Json
from trunkline.schemas.fields import DEEPEST, as_form, read_fields, title_of, with_examples

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
CITY = {"type": "object", "properties": {"city": STRING}, "required": ["city"]}
NODE = {"type": "object", "properties": {"name": STRING, "next": {"$ref": "#/$defs/node"}}}


def fields_of(definitions: Json | None = None, required: tuple[str, ...] = (), **properties: Json):
    of_object = {"type": "object", "properties": properties, "required": list(required)}
    return read_fields(of_object | {"$defs": definitions or {}})


def field_of(schema: Json, **definitions: Json):
    (field,) = fields_of(definitions, x=schema)
    return field


@pytest.mark.parametrize(
    ("schema", "kind", "is_nullable"),
    [
        (STRING, "text", False),
        ({"type": ["string", "null"], "format": "date-time"}, "date-time", True),
        ({"type": "number"}, "number", False),
        ({"type": "boolean"}, "boolean", False),
        ({"type": "array", "items": INTEGER}, "list", False),
        ({}, "any", True),
        ({"$ref": "#/$defs/d"}, "integer", False),
        ({"anyOf": [{"$ref": "#/$defs/d"}, {"type": "null"}]}, "integer", True),
        ({"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}]}, "date", True),
        ({"allOf": [{"$ref": "#/$defs/d"}], "description": "x"}, "integer", False),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number", False),
        ({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}, "date-time", False),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "text", False),
        ({"anyOf": [{"type": "integer"}, {"enum": ["auto"]}]}, "any", False),
        ({"anyOf": [{"type": "integer"}, CITY]}, "any", False),
        ({"type": ["object", "null"], "additionalProperties": STRING}, "object", True),
        ({"enum": [1, 2]}, "integer", False),
        ({"enum": [1, 2.5]}, "number", False),
        ({"const": True}, "boolean", False),
        (True, "any", True),
    ],
    ids=str,
)
def test_a_value_has_one_kind_also_if_it_has_several_forms(schema, kind, is_nullable):
    field = field_of(schema, d=INTEGER)
    assert (field.kind, field.is_nullable) == (kind, is_nullable)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({}, "its schema names no type"),
        ({"type": "object"}, "its schema names no fields"),
        ({"anyOf": [INTEGER, CITY]}, "it may be a whole number or an object"),
        ({"type": "array"}, "in its entries, its schema names no type"),
        ({"type": "array", "items": {"type": "array", "items": STRING}}, "its entries are lists"),
        ({"type": "array", "items": {"type": "object"}}, "its schema names no fields"),
        ({"$ref": "#/$defs/node"}, ""),
        (CITY, ""),
    ],
    ids=str,
)
def test_what_no_form_can_show_says_why(schema, reason):
    assert field_of(schema, node=NODE).json_because == reason


def test_what_contains_itself_ends():
    name, following = field_of({"$ref": "#/$defs/node"}, node=NODE).fields
    assert (name.kind, following.kind, following.fields) == ("text", "object", ())
    assert following.json_because == "it may contain itself again"


def test_what_is_nested_deeply_ends():
    schema: Json = STRING
    for _ in range(DEEPEST + 2):
        schema = {"type": "object", "properties": {"x": schema}}
    field, depth = field_of(schema), 0
    while field.fields:
        (field,), depth = field.fields, depth + 1
    assert (depth, field.json_because) == (DEEPEST, "it is nested too deeply")


def test_the_alternatives_of_an_object_are_one_form():
    def paid_by(kind, number):
        properties = {"kind": {"const": kind}, number: STRING}
        return {"type": "object", "properties": properties, "required": ["kind", number]}

    field = field_of({"oneOf": [paid_by("card", "number"), paid_by("bank", "iban")]})
    found = [(inner.name, inner.is_required) for inner in field.fields]
    assert found == [("kind", True), ("number", False), ("iban", False)]
    assert (field.fields[0].choices, field.fields[0].choice_titles) == (("card", "bank"), ("Card", "Bank"))


@pytest.mark.parametrize(
    ("schema", "choices", "titles"),
    [
        ({"enum": ["very_fast", "On Hold", None]}, ("very_fast", "On Hold"), ("Very fast", "On Hold")),
        ({"type": "integer", "enum": [1, 2]}, (1, 2), ("1", "2")),
        ({"oneOf": [{"const": 1, "title": "Low"}, {"const": 2, "title": "High"}]}, (1, 2), ("Low", "High")),
        ({"$ref": "#/$defs/size"}, ("s", "m"), ("S", "M")),
        ({"type": "array", "items": {"enum": ["mon", "tue"]}}, ("mon", "tue"), ("Mon", "Tue")),
        ({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}, (), ()),
        ({"enum": [True, False]}, (), ()),
    ],
    ids=str,
)
def test_choices_are_listed_with_their_titles(schema, choices, titles):
    field = field_of(schema, size={"title": "SizeModel", "oneOf": [{"const": "s"}, {"const": "m"}]})
    assert (field.choices, field.choice_titles) == (choices, titles)
    assert field.titled_choices == tuple(zip(choices, titles, strict=True))


def test_an_empty_text_is_a_choice_that_no_form_offers():
    field = field_of({"enum": ["", "red"]})
    assert field.choices == ("", "red")
    assert field.titled_choices == (("red", "Red"),)


@pytest.mark.parametrize(("name", "title"), [("_id", "Id"), ("first__name_", "First name"), ("_", "_")])
def test_a_field_without_a_title_is_called_by_the_words_of_its_name(name: str, title: str):
    (field,) = read_fields({"type": "object", "properties": {name: STRING}})
    assert field.title == title


def test_a_reference_does_not_rename_the_fields_that_use_it():
    address = CITY | {"title": "AddressIn", "description": "Where somebody lives."}
    home, work = fields_of(
        {"address": address},
        home={"$ref": "#/$defs/address"},
        work={"$ref": "#/$defs/address", "title": "Office"},
    )
    assert [field.title for field in (home, work)] == ["Home", "Office"]
    assert home.description == "Where somebody lives."
    assert [inner.name for inner in home.fields] == ["city"]


class Line(BaseModel):
    sku: str
    count: int | None = None


class Order(BaseModel):
    lines: list[Line]
    tags: list[str]
    gift: Line | None = Field(default=None, title="Gift", description="For them.")
    note: str | None = Field(default="", examples=[None, "Soon."])


def test_what_pydantic_writes_is_read():
    lines, tags, gift, note = read_fields(Order.model_json_schema())
    assert (lines.kind, lines.item_kind, lines.is_required) == ("list", "object", True)
    assert (tags.kind, tags.item_kind, tags.fields) == ("list", "text", ())
    found = [(inner.name, inner.kind, inner.is_nullable) for inner in lines.fields]
    assert found == [("sku", "text", False), ("count", "integer", True)]
    assert (gift.title, gift.description, note.title, note.description) == ("Gift", "For them.", "Note", "")
    assert (note.default, note.example, gift.example) == ("", "Soon.", None)
    assert (gift.kind, gift.is_nullable, gift.fields) == ("object", True, lines.fields)
    assert (note.kind, note.is_nullable, note.is_required, note.json_because) == ("text", True, False, "")


def test_an_update_is_not_filled_in_beforehand():
    fields = fields_of(x=STRING | {"default": "a"}, y={"type": "object", "properties": {"z": {"default": 1}}})
    assert [field.default for field in as_form(fields, is_update=False)] == ["a", None]
    x, y = as_form(fields, is_update=True)
    assert (x.default, y.fields[0].default) == (None, None)


def test_a_form_does_not_speak_of_sending_null():
    described = STRING | {"description": "Their phone. Send null to clear it."}
    (field,) = as_form(fields_of(x=described), is_update=False)
    assert field.description == "Their phone."


def test_json_has_an_example_out_of_the_calls():
    fields = fields_of(
        matrix={"type": "array", "items": {"type": "array"}},
        note=STRING,
        place={"type": "object", "properties": {"more": {}}},
    )
    matrix, note, place = with_examples(fields, [{"note": "x"}, {"matrix": [[1]], "place": {"more": 1}}])
    assert (matrix.example, note.example, place.fields[0].example) == ([[1]], None, 1)
    matrix, note, place = with_examples(fields, [])
    assert (matrix.example, note.example, place.fields[0].example) == (["value"], None, {"name": "value"})


@pytest.mark.parametrize(
    ("value", "title"),
    [("on-hold", "On hold"), ("Lead - New", "Lead - New"), (3, "3"), ("2fa", "2fa"), ("US", "US")],
)
def test_a_value_is_written_for_people(value, title):
    assert title_of(value) == title
