"""Changes of a schema that break an older client, and changes that do not."""

import pytest

from trunkline.schemas.breaks import compare, find_breaks, find_operation_breaks
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition


def _object(properties, *, required=(), **more):
    return {"type": "object", "properties": properties, "required": [*required], **more}


def _found(old, new):
    return [(item.path, item.kind) for item in compare("order.placed", old, new)]


def _of_field(old, new):
    """Compare two schemas of one required field."""
    return _found(_object({"f": old}, required=["f"]), _object({"f": new}, required=["f"]))


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
OPEN_OR_PAID = {**STRING, "enum": ["Paid", "Open"]}
EITHER_FORMAT = {**STRING, "anyOf": [{"format": "date"}, {"format": "date-time"}]}


def test_the_same_schema_breaks_nothing():
    schema = _object({"a": STRING, "b": {"anyOf": [INTEGER, {"type": "null"}]}}, required=["a"])
    assert _found(schema, schema) == []


def test_a_new_field_breaks_nothing_and_one_that_is_gone_does():
    less, more = _object({"a": STRING}), _object({"a": STRING, "b~c/d": INTEGER}, required=["b~c/d"])
    assert _found(less, more) == []
    assert _found(more, less) == [("/payload/b~0c~1d", "field_removed")]


def test_a_field_that_has_another_name_is_told_with_the_new_one():
    (renamed,) = compare("x.y", _object({"mail": {**STRING, "title": "Mail"}}), _object({"email": STRING}))
    assert (renamed.kind, renamed.path) == ("field_renamed", "/payload/mail")
    assert "'email'" in renamed.message


def test_a_field_that_becomes_required_breaks_nothing():
    assert _found(_object({"a": STRING}), _object({"a": STRING}, required=["a"])) == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (INTEGER, NUMBER, "type_widened"),
        (STRING, {"type": ["string", "null"]}, "type_widened"),
        (STRING, {}, "type_widened"),
        (STRING, {"$ref": "#/$defs/missing"}, "type_widened"),
        ({"const": "a"}, {"const": 1}, "type_widened"),
        (OPEN_OR_PAID, {**STRING, "const": "Void"}, "enum_value_added"),
        (OPEN_OR_PAID, STRING, "enum_value_added"),
        ({**STRING, "format": "date"}, {**STRING, "format": "date-time"}, "format_changed"),
        ({**STRING, "format": "date"}, EITHER_FORMAT, "format_changed"),
    ],
)
def test_what_becomes_wider_or_other_breaks(old, new, kind):
    assert _of_field(old, new) == [("/payload/f", kind)]


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
        (EITHER_FORMAT, {**STRING, "format": "date"}),
    ],
)
def test_what_only_becomes_narrower_breaks_nothing(old, new):
    assert _of_field(old, new) == []


def test_nested_objects_lists_and_references_are_followed():
    old = _object(
        {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
        **{"$defs": {"line": _object({"sku": STRING})}},
    )
    new = _object({"lines": {"type": "array", "items": {"allOf": [_object({"sku": INTEGER})]}}})
    assert _found(old, new) == [("/payload/lines/items/sku", "type_widened")]


def test_an_event_type_that_is_gone_breaks_and_a_new_one_does_not():
    schema = {**_object({}), "examples": [{}]}
    item, other = (EventType(name, "T", "D", schema) for name in ("a.one", "a.other"))
    assert [(b.name, b.path, b.kind) for b in find_breaks([item], [other])] == [("a.one", "", "type_removed")]


NULLABLE, EMAIL = {"type": ["string", "null"]}, {**STRING, "format": "email"}


def _action(**changes):
    fields = {
        "kind": "action",
        "name": "place_order",
        "title": "T",
        "description": "D",
        "method": "POST",
        "path": "/shops/{shop_id}/orders",
        "parameters": _object({"shop_id": INTEGER}, required=["shop_id"]),
        "input": _object({"sku": STRING}, required=["sku"]),
        "output": _object({"order_id": INTEGER}, required=["order_id"]),
    }
    return Definition(**fields | changes)


def _broken(new, old=None):
    breaks = find_operation_breaks([old or _action()], [new])
    assert {(item.subject, item.name) for item in breaks} <= {("action", "place_order")}
    return [(item.path, item.kind, item.message) for item in breaks]


class TestOperations:
    def test_the_same_breaks_nothing_and_neither_does_what_is_new(self):
        assert _broken(_action()) == []
        assert find_operation_breaks([], [_action()]) == []

    def test_one_that_is_gone_breaks_even_where_another_kind_has_its_name(self):
        search = _action(kind="search", method="GET")
        assert _broken(search) == [("", "operation_removed", "the action is gone")]

    def test_another_call_breaks(self):
        moved = _action(path="/orders", parameters=_object({}))
        message = "was POST /shops/{shop_id}/orders, is now POST /orders"
        assert _broken(moved) == [("", "call_changed", message)]

    @pytest.mark.parametrize(
        ("properties", "required"),
        [
            pytest.param({"sku": STRING, "note": STRING}, ["sku"], id="a new optional field"),
            pytest.param({"sku": STRING}, [], id="a field less required"),
            pytest.param({"sku": {"type": ["string", "null"]}}, ["sku"], id="a wider type"),
        ],
    )
    def test_what_lets_more_through_breaks_nothing(self, properties, required):
        assert _broken(_action(input=_object(properties, required=required))) == []

    @pytest.mark.parametrize(
        ("old", "new", "kind", "message"),
        [
            (NULLABLE, STRING, "type_narrowed", "was null or string, may no longer be null"),
            (NUMBER, INTEGER, "type_narrowed", "was number, may no longer be number"),
            (INTEGER, NUMBER, None, None),
            ({"enum": ["a", "b"]}, {"enum": ["a"]}, "enum_value_removed", "may no longer be 'b'"),
            ({"enum": ["a"]}, {"enum": ["a", "b"]}, None, None),
            (STRING, {"enum": ["a"]}, "enum_value_removed", "was any value, must now be one of 'a'"),
            (STRING, EMAIL, "format_changed", "had the format none, must now have email"),
            (EMAIL, STRING, None, None),
        ],
    )
    def test_what_is_refused_breaks_whoever_sends_it(self, old, new, kind, message):
        before, after = (_action(input=_object({"f": schema})) for schema in (old, new))
        assert _broken(after, before) == ([("/input/f", kind, message)] if kind else [])

    def test_a_field_that_is_no_longer_taken_and_one_that_is_now_required_break(self):
        assert _broken(_action(input=_object({"size/cm": INTEGER}, required=["size/cm"]))) == [
            ("/input/size~1cm", "now_required", "is now required"),
            ("/input/sku", "field_removed", "is no longer taken"),
        ]

    def test_a_parameter_that_takes_less_breaks(self):
        narrower = _action(parameters=_object({"shop_id": {"enum": [1]}}, required=["shop_id"]))
        assert [item[:2] for item in _broken(narrower)] == [("/parameters/shop_id", "enum_value_removed")]

    def test_what_is_refused_inside_an_object_a_list_or_under_a_condition_breaks(self):
        def taking(city, line, then):
            properties = {"address": _object({"city": city}), "lines": {"type": "array", "items": line}}
            condition = {"properties": {"sku": {"const": "a"}}, "required": ["sku"]}
            return _action(input=_object({"sku": STRING, **properties}, **{"if": condition, "then": then}))

        free = taking(STRING, STRING, {"properties": {"size": STRING}})
        strict = taking(
            {"const": "Oslo"}, {"enum": ["a"]}, {"properties": {"size": INTEGER}, "required": ["size"]}
        )
        assert [item[:2] for item in _broken(strict, free)] == [
            ("/input/size", "now_required"),
            ("/input/address/city", "enum_value_removed"),
            ("/input/lines/items", "enum_value_removed"),
            ("/input/size", "type_narrowed"),
        ]

    def test_an_answer_is_compared_as_a_payload_is(self):
        assert _broken(_action(output=_object({}))) == [("/output/order_id", "field_removed", "is gone")]
