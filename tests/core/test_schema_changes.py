"""What an older client would break on, and what it would not notice."""

import pytest

from trunkline.schema_changes import compare, find_breaks
from trunkline.schemas import EventType


def _object(properties, *, required=(), **more):
    return {"type": "object", "properties": properties, "required": [*required], **more}


def _found(old, new):
    return [(one.path, one.kind) for one in compare("order.placed", old, new)]


def _of_field(old, new):
    """Compare two schemas of one field that is always there."""
    return _found(_object({"f": old}, required=["f"]), _object({"f": new}, required=["f"]))


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def test_the_same_schema_breaks_nothing():
    schema = _object({"a": STRING, "b": {"anyOf": [INTEGER, {"type": "null"}]}}, required=["a"])
    assert _found(schema, schema) == []


def test_a_new_optional_or_required_field_breaks_nothing():
    assert _found(_object({"a": STRING}), _object({"a": STRING, "b": INTEGER}, required=["b"])) == []


def test_a_field_that_is_gone_breaks():
    assert _found(_object({"a": STRING, "b": INTEGER}), _object({"a": STRING})) == [
        ("/payload/b", "field_removed")
    ]


def test_a_field_that_has_another_name_is_told_with_the_new_one():
    (found,) = compare("x.y", _object({"mail": {**STRING, "title": "Mail"}}), _object({"email": STRING}))
    assert (found.kind, found.path) == ("field_renamed", "/payload/mail")
    assert "'email'" in found.message


def test_a_required_field_that_becomes_optional_breaks_and_the_reverse_does_not():
    always, perhaps = _object({"a": STRING}, required=["a"]), _object({"a": STRING})
    assert _found(always, perhaps) == [("/payload/a", "now_optional")]
    assert _found(perhaps, always) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (STRING, INTEGER),
        (INTEGER, NUMBER),
        (STRING, {"type": ["string", "null"]}),
        (STRING, {"anyOf": [STRING, {"type": "null"}]}),
        (STRING, {}),
        (STRING, {"$ref": "#/$defs/missing"}),
        ({"const": "a"}, {"const": 1}),
    ],
)
def test_a_type_that_changes_or_widens_breaks(old, new):
    assert _of_field(old, new) == [("/payload/f", "type_widened")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (NUMBER, INTEGER),
        ({"type": ["string", "null"]}, STRING),
        ({"anyOf": [STRING, {"type": "null"}]}, STRING),
        ({}, STRING),
        (STRING, {"const": "a"}),
        (STRING, {**STRING, "format": "email"}),
        (STRING, {**STRING, "description": "said better"}),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}),
        ({"enum": ["a", "b"]}, {"anyOf": [{"const": "a"}, {"const": "b"}]}),
    ],
)
def test_what_only_becomes_narrower_breaks_nothing(old, new):
    assert _of_field(old, new) == []


@pytest.mark.parametrize(
    "new", [{**STRING, "enum": ["Paid", "Open", "Void"]}, {**STRING, "const": "Void"}, STRING]
)
def test_a_value_that_an_enum_did_not_have_breaks(new):
    assert _of_field({**STRING, "enum": ["Paid", "Open"]}, new) == [("/payload/f", "enum_value_added")]


@pytest.mark.parametrize("new", [{**STRING, "format": "date-time"}, STRING])
def test_a_format_that_changes_or_goes_breaks(new):
    assert _of_field({**STRING, "format": "date"}, new) == [("/payload/f", "format_changed")]


def test_a_format_among_alternatives_may_be_any_of_those_before():
    either = {**STRING, "anyOf": [{"format": "date"}, {"format": "date-time"}]}
    assert _of_field(either, {**STRING, "format": "date"}) == []
    assert _of_field({**STRING, "format": "date"}, either) == [("/payload/f", "format_changed")]


def test_nested_objects_lists_and_references_are_followed():
    old = _object(
        {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
        **{"$defs": {"line": _object({"sku": STRING})}},
    )
    new = _object({"lines": {"type": "array", "items": {"allOf": [_object({"sku": INTEGER})]}}})
    assert _found(old, new) == [("/payload/lines/items/sku", "type_widened")]


def test_a_schema_that_refers_to_itself_is_followed_only_so_far():
    tree = _object({"child": {"$ref": "#"}, "name": STRING})
    assert _found(tree, tree) == []


def test_paths_are_json_pointers():
    assert _found(_object({"a/b~c": STRING}), _object({})) == [("/payload/a~1b~0c", "field_removed")]


def test_an_event_type_that_is_gone_breaks_and_a_new_one_does_not():
    schema = {**_object({}), "examples": [{}]}
    one, other = (EventType(name, "T", "D", schema) for name in ("a.one", "a.other"))
    assert [(b.event_type, b.path, b.kind) for b in find_breaks([one], [other])] == [
        ("a.one", "", "type_removed")
    ]
