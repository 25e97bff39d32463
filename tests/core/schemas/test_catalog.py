"""The catalog of event types: refused types, and the sentences about invalid payloads."""

import dataclasses
import hashlib
import re
import timeit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import FieldError, SchemaInvalid
from trunkline.schemas.catalog import EventType, SchemaCatalog, Validator
from trunkline.schemas.sentences import MAX_FAULTS


def event_type(name="order.placed", *, example=None, **schema):
    example = {} if example is None else example
    return EventType(name, "Order Placed", "An order came in.", {"examples": [example], **schema})


def faults(data, **schema):
    """Check *data* by *schema*; return pairs of pointer and sentence."""
    return [(fault.path, fault.message) for fault in Validator(schema, name="order.placed").check(data)]


def refusal(*types):
    """Build a catalog of *types* that must be refused; return the reason."""
    with pytest.raises(SchemaInvalid) as caught:
        SchemaCatalog(types)
    assert "\n" not in caught.value.reason
    return str(caught.value)


class TestEventType:
    def test_bytes_are_encoded_from_a_schema_written_in_python(self):
        made = event_type(example={"amount": 9.5}, type="object")
        assert made.example_json == b'{"amount":9.5}'
        assert made.schema_json == b'{"examples":[{"amount":9.5}],"type":"object"}'
        assert made.example == {"amount": 9.5}

    def test_it_is_frozen_and_can_be_a_key(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            event_type().name = "other"
        assert {event_type(): 1}[event_type()] == 1

    @pytest.mark.parametrize("value", [{1, 2}, object(), 2**70])
    def test_a_schema_that_is_no_json_is_refused(self, value):
        with pytest.raises(SchemaInvalid, match="not JSON data"):
            event_type(const=value)


class TestCatalog:
    def test_types_come_in_the_order_of_their_names(self):
        catalog = SchemaCatalog([event_type("b.made"), event_type("a.made"), event_type("a.b_2.made")])
        assert catalog.names() == ("a.b_2.made", "a.made", "b.made")
        assert tuple(event_type.name for event_type in catalog.types()) == catalog.names()

    def test_a_type_is_found_by_its_exact_name_and_a_name_by_any_case(self):
        catalog = SchemaCatalog([event_type(), event_type("order.backed")])
        assert catalog.get("order.placed") == event_type()
        assert catalog.get("Order.Placed") is None
        assert [catalog.resolve(name) for name in ("order.placed", "Order.PLACED")] == ["order.placed"] * 2
        unknown = ["", "order", "order.placed ", "order.bac\u212aed"]
        assert [catalog.resolve(name) for name in unknown] == [None] * 4

    def test_document_is_served_as_it_stands_with_a_strong_etag_of_its_bytes(self):
        catalog = SchemaCatalog([event_type()])
        assert catalog.document("order.placed") == event_type().schema_json
        digest = hashlib.sha256(event_type().schema_json).hexdigest()
        assert catalog.etag("order.placed") == f'"{digest[:32]}"'

    def test_an_unknown_type_is_a_key_error(self):
        catalog = SchemaCatalog([])
        for call in (catalog.document, catalog.etag, lambda name: catalog.check(name, {})):
            with pytest.raises(KeyError):
                call("order.placed")

    def test_a_valid_payload_is_judged_in_microseconds(self):
        properties = {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}
        payload = {"id": 5, "at": "2026-01-28T10:30:00Z"}
        catalog = SchemaCatalog([event_type(example=payload, type="object", properties=properties)])
        best = min(timeit.repeat(lambda: catalog.check("order.placed", payload), number=1000, repeat=20))
        assert best / 1000 < 10e-6  # 0.3 µs when nothing else runs


class TestRefusedSchemas:
    @pytest.mark.parametrize(
        "name", ["order", "Order.placed", "order.", ".placed", "order..a", "1.a", "a.b\n", "a-b.c"]
    )
    def test_a_name_that_is_not_domain_dot_action(self, name):
        assert "{domain}.{action}" in refusal(event_type(name))

    def test_two_types_of_one_name(self):
        told = refusal(event_type(), event_type())
        assert "order.placed: version 1 of this event type is defined twice" in told

    @pytest.mark.parametrize(
        ("schema", "sentence"),
        [
            ({}, "has no 'examples'"),
            ({"examples": []}, "has no 'examples'"),
            ({"type": "string", "examples": ["x"]}, "its example 1 is not an object"),
            ({"type": "array", "examples": [[]]}, "its example 1 is not an object"),
            ({"examples": [{}], "$ref": "#/$defs/none"}, "cannot be compiled"),
            (
                {"examples": [{}], "$schema": "http://json-schema.org/draft-07/schema#"},
                "'$schema' must be https://json-schema.org/draft/2020-12/schema",
            ),
            (
                {"examples": [{"a": 1}, {"a": "x"}], "properties": {"a": {"type": "integer"}}},
                "a.b: its example 2 is not valid at '/a': must be a whole number, not a string",
            ),
        ],
    )
    def test_a_schema_without_examples_of_objects_or_of_another_draft(self, schema, sentence):
        assert sentence in refusal(EventType("a.b", "T", "D", schema))

    @pytest.mark.parametrize("name", ["hub.behind", "operational.x", "operational.x.y"])
    def test_a_name_of_the_operational_types(self, name):
        operational = [event_type("hub.behind")]
        with pytest.raises(SchemaInvalid, match=f"{name}: the name is reserved for the hub's operational"):
            SchemaCatalog([event_type(name)], operational=operational)

    @pytest.mark.parametrize(
        ("schema", "place"),
        [
            ({"properties": {"a": {"type": "objekt"}}}, "/properties/a/type"),
            ({"required": "a"}, "/required"),
            ({"examples": 5}, "/examples"),
            ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
        ],
    )
    def test_what_the_meta_schema_forbids(self, schema, place):
        assert f"the schema is not valid at '{place}': must be" in refusal(event_type(**schema))

    @pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
    @pytest.mark.parametrize("target", ["https://schemas.example.com/a.json", "file:///etc/passwd", "b.json"])
    def test_a_reference_that_leads_out_of_the_document(self, keyword, target):
        for schema in ({keyword: target}, {"properties": {"a": {"items": {keyword: target}}}}):
            assert "a $ref leads out of the document; nothing is fetched" in refusal(event_type(**schema))

    def test_a_reference_within_the_document_works(self):
        schema = {"$defs": {"id": {"type": "integer"}}, "properties": {"id": {"$ref": "#/$defs/id"}}}
        assert faults({"id": 1}, **schema) == []
        assert faults({"id": "1"}, **schema) == [("/id", "must be a whole number, not a string")]


SENTENCES = [
    ({"type": "number"}, "9", "must be a number, not a string"),
    ({"type": "integer"}, 1.5, "must be a whole number, not 1.5"),
    ({"type": "integer"}, True, "must be a whole number, not true"),
    ({"type": ["string", "null"]}, 5, "must be a string or null, not a number"),
    ({"type": "object"}, [], "must be an object, not a list"),
    ({"type": "array"}, {}, "must be a list, not an object"),
    ({"type": "boolean"}, None, "must be true or false, not null"),
    ({"enum": ["Paid", "Unpaid"]}, "paid", 'must be one of "Paid", "Unpaid", not "paid"'),
    ({"const": 5}, 6, "must be 5, not 6"),
    ({"format": "date"}, "x", "must be a date, such as 2026-01-28"),
    ({"format": "date-time"}, "x", "must be a date and time with its zone, such as 2026-01-28T10:30:00Z"),
    ({"format": "email"}, "x", "must be an email address, such as jane@example.com"),
    ({"format": "ipv6"}, "x", "must be in the format ipv6"),
    ({"minimum": 1}, 0, "must be at least 1, not 0"),
    ({"maximum": 1}, 2, "must be at most 1, not 2"),
    ({"exclusiveMinimum": 1}, 1, "must be more than 1, not 1"),
    ({"exclusiveMaximum": 1}, 1, "must be less than 1, not 1"),
    ({"multipleOf": 0.01}, 0.015, "must be a multiple of 0.01, not 0.015"),
    ({"minLength": 1}, "", "must have 1 or more characters, not 0"),
    ({"maxLength": 1}, "ab", "must have 1 or fewer characters, not 2"),
    ({"pattern": "^[a-z]+$"}, "A", 'must match the pattern "^[a-z]+$"'),
    ({"minItems": 2}, [1], "must have 2 or more entries, not 1"),
    ({"maxItems": 0}, [1], "must have 0 or fewer entries, not 1"),
    ({"uniqueItems": True}, [1, 1], "must not have the same entry twice"),
    ({"minProperties": 1}, {}, "must have 1 or more fields, not 0"),
    ({"maxProperties": 0}, {"a": 1}, "must have 0 or fewer fields, not 1"),
    ({"contains": {"type": "string"}}, [1], "has no entry of the kind that is asked for"),
    ({"not": {}}, 1, "is of a kind that is not allowed here"),
    ({"allOf": [False]}, 1, "is not allowed here"),
    (
        {"anyOf": [{"format": "date"}, {"format": "date-time"}]},
        "x",
        "must be a date, such as 2026-01-28, or a date and time with its zone, such as 2026-01-28T10:30:00Z",
    ),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 5, "must be a string or null, not a number"),
    ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, 0, "must be at least 1, not 0"),
    ({"oneOf": [{"type": "integer"}, {"minimum": 0}]}, 5, "fits more than one of the allowed forms"),
]


class TestSentences:
    @pytest.mark.parametrize(("schema", "value", "sentence"), SENTENCES)
    def test_each_keyword_has_a_sentence_for_people(self, schema, value, sentence):
        assert faults({"a": value}, properties={"a": schema}) == [("/a", sentence)]

    def test_each_missing_field_is_told_once_at_its_own_pointer(self):
        paths = ["/a", "/b~1c", "/d~0"]
        assert faults({}, required=["a", "b/c", "d~"]) == [(path, "is required") for path in paths]
        told = faults({"card": 1}, dependentRequired={"card": ["zip"], "iban": ["bic"]})
        assert told == [("/zip", "is required where 'card' is given")]

    def test_an_unknown_field_is_told_with_the_one_that_was_probably_meant(self):
        schema = {"properties": {"first_name": {}, "id": {}}, "additionalProperties": False}
        assert faults({"frist_name": 1, "zzz": 1}, **schema) == [
            ("/frist_name", "is not a field of order.placed; did you mean 'first_name'?"),
            ("/zzz", "is not a field of order.placed; known fields are first_name, id"),
        ]

    def test_an_unknown_field_of_an_inner_object_is_told_where_it_stands(self):
        inner = {"patternProperties": {"^x-": {}}, "additionalProperties": False}
        assert faults({"list": [{"x-a": 1, "b": 1}]}, properties={"list": {"items": inner}}) == [
            ("/list/0/b", "is not a field of this object")
        ]

    def test_the_branch_that_fits_best_tells_its_faults(self):
        card = {"properties": {"kind": {"const": "card"}}, "required": ["number"]}
        bank = {"properties": {"kind": {"const": "bank"}}, "required": ["iban", "bic"]}
        told = faults({"pay": {"kind": "card"}}, properties={"pay": {"oneOf": [card, bank]}})
        assert told == [("/pay/number", "is required")]

    @pytest.mark.parametrize("word", ["anyOf", "oneOf"])
    def test_where_one_of_several_fields_is_required_the_first_is_told_with_the_others(self, word):
        keywords = {word: [{"required": [name]} for name in ("email", "a/b", "id")]}
        assert faults({"other": 1}, **keywords) == [("/email", "is required, or else a/b or id")]
        assert faults({"id": 1}, **keywords) == []

    def test_of_branches_that_require_several_fields_only_what_is_missing_is_told_once(self):
        assert faults({}, anyOf=[{"required": ["id"]}, {"required": ["id"]}]) == [("/id", "is required")]
        keywords = {"anyOf": [{"required": ["first", "last"]}, {"required": ["id"]}]}
        assert faults({"first": 1}, **keywords) == [("/last", "is required, or else id")]
        assert faults({}, **keywords) == [("/id", "is required")]

    def test_huge_values_and_names_are_cut(self):
        long = "x" * 100_000
        told = faults({"a": long, long: 1}, properties={"a": {"enum": ["b"]}}, additionalProperties=False)
        assert [path for path, _ in told] == ["/a", ""]
        assert all(len(message) < 200 for _, message in told)

    def test_no_more_than_a_page_of_faults_is_told(self):
        assert len(faults(["x"] * 10_000, items={"type": "integer"})) == MAX_FAULTS

    @pytest.mark.parametrize(
        ("schema", "data"),
        [
            ({"patternProperties": {r"^\p{L}+$": {"type": "integer"}}}, {"é": "x"}),
            ({"dependencies": {"a": ["b"]}}, {"a": 1}),
            ({"allOf": [{"$ref": "#"}, {"type": "integer"}]}, {}),
        ],
    )
    def test_what_only_the_hot_judge_finds_is_still_a_fault(self, schema, data):
        told = faults(data, **schema)
        assert told
        assert all(len(message) <= 80 for _, message in told)

    def test_data_that_cannot_be_judged_is_a_fault(self):
        deep = orjson.loads('{"a":' * 900 + "1" + "}" * 900)
        expected = [("", "is nested too deeply, or is not JSON data")]
        assert faults("\ud800", type="string") == faults(deep, dependencies={"a": False}) == expected

    @pytest.mark.parametrize(
        "text", ["123456789012345678901234567890", "1.2345678901234567890e29", "-0.0", "1e300"]
    )
    def test_long_numbers_are_judged_as_numbers(self, text):
        value = orjson.loads(text)
        assert faults(value, type="number") == []
        assert faults(value, type="string") == [("", "must be a string, not a number")]

    @given(st.text(min_size=1, max_size=20))
    def test_every_pointer_leads_back_to_the_field(self, name):
        told = Validator({"additionalProperties": {"type": "null"}}, name="a.b").check({name: 1})
        assert told == [FieldError(told[0].path, "must be null, not a number")]
        assert told[0].path.startswith("/")
        assert re.sub("~[01]", lambda match: "~/"[int(match[0][1])], told[0].path[1:]) == name
