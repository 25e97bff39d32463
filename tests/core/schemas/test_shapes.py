"""The effect of every keyword of JSON Schema on a field: for filters, for the comparison of versions, and for forms."""

import time
from functools import reduce

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import BodyInvalid
from trunkline.filters import filters
from trunkline.schemas.breaks import compare
from trunkline.schemas.catalog import EventType
from trunkline.schemas.shapes.members import any_item_shapes, field_shapes, other_field_shapes
from trunkline.schemas.shapes.unfolding import SchemaDocument

STRING, INTEGER, DATE = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "date"}
IS_A = {"properties": {"kind": {"const": "a"}}, "required": ["kind"]}
KIND = {"kind": {"enum": ["a", "b"]}}


def _field(schema, **beside):
    """Describe an object with the required field ``f``."""
    return {"type": "object", "properties": {"f": schema}, "required": ["f"], **beside}


def _defined(reference, definition):
    return _field({"$ref": reference}, **{"$defs": {"x": definition}})


def _conditional(then, otherwise=True, *, condition=IS_A):
    return {"type": "object", "properties": KIND, "if": condition, "then": then, "else": otherwise}


def _f(schema):
    return {"properties": {"f": schema}}


def _open(**keywords):
    return {"type": "object", **keywords}


def _list(**keywords):
    return _field({"type": "array", **keywords})


WIDENED, ADDED = [("/f", "type_widened")], [("/f", "enum_value_added")]
F_IS_A, F_IS_1 = {"f": "a"}, {"f": 1}
ANYTHING = ({"anything": "a"}, {"anything": 1})
CONTAINING = ({"f": {"contains": "a"}}, {"f": {"contains": 1}})


def _retyped(keyword, schema_of, path="/f", accepted=None, refused=None):
    """Make a row in which a string becomes an integer."""
    breaks = [(path, "type_widened")]
    schemas = (schema_of(STRING), schema_of(INTEGER))
    return keyword, schemas, breaks, (accepted or F_IS_A, refused or F_IS_1)


TEXT_OR_NULL = {"type": ["string", "null"]}
BY_LENGTH = {"properties": {"kind": {"minLength": 2}}}
NULLABLE_F_AND_G = _open(properties={"f": TEXT_OR_NULL, "g": STRING})
F_AND_G = _open(properties={"f": STRING, "g": STRING})
TWO = {"$defs": {"x": {"anyOf": [INTEGER, STRING]}}}

# keyword, the older and the newer schema, breaks between them, an allowed filter on the older and a refused one
KEYWORDS = [
    _retyped("type", _field),
    _retyped(
        "type, a list with null", lambda inner: _field({"type": [inner["type"], "null"]}), "/f", {"f": None}
    ),
    _retyped(
        "anyOf with null", lambda inner: _field({"anyOf": [inner, {"type": "null"}]}), "/f", {"f": None}
    ),
    (
        "enum",
        (_field({"enum": ["a", 1, None]}), _field({"enum": ["a", 1, 2]})),
        ADDED,
        ({"f": {"in": ["a", 1.0]}}, {"f": 2}),
    ),
    ("const", (_field({"const": "a"}), _field({"const": "b"})), ADDED, ({"f": "a"}, {"f": "b"})),
    (
        "format",
        (_field(DATE), _field(STRING)),
        [("/f", "format_changed")],
        ({"f": {"gt": "2026-01-01"}}, {"f": 1}),
    ),
    _retyped("properties", lambda inner: _field(_field(inner)), "/f/f", {"f.f": "a"}, {"f.g": "a"}),
    (
        "required",
        (_field(STRING), _open(**_f(STRING))),
        [("/f", "now_optional")],
        ({"f": {"exists": True}}, {"f": None}),
    ),
    _retyped(
        "additionalProperties, a schema", lambda inner: _open(additionalProperties=inner), "", *ANYTHING
    ),
    (
        "additionalProperties, a schema against a new name",
        (_open(additionalProperties=STRING), _open(additionalProperties=STRING, **_f(INTEGER))),
        WIDENED,
        (F_IS_A, F_IS_1),
    ),
    (
        "additionalProperties, closed",
        (_open(additionalProperties=STRING), _open(additionalProperties=False)),
        [("", "field_removed")],
        (F_IS_A, {"f.g": 1}),
    ),
    (
        "additionalProperties, closed beside a subschema that lists more",
        (
            _field(STRING, additionalProperties=False, allOf=[{"properties": {"g": STRING}}]),
            _field(INTEGER, additionalProperties=False),
        ),
        WIDENED,
        (F_IS_A, {"g": "a"}),
    ),
    _retyped(
        "unevaluatedProperties", lambda inner: _field(STRING, unevaluatedProperties=inner), "", *ANYTHING
    ),
    _retyped(
        "patternProperties",
        lambda inner: _open(patternProperties={"^x_": inner}),
        "",
        {"x_1": "a"},
        {"y_1": "a"},
    ),
    (
        "patternProperties, gone",
        (_open(patternProperties={"^x_": STRING}), _open(additionalProperties=False)),
        [("", "field_removed")],
        ({"x_1": "a"}, {"x_1": 1}),
    ),
    (
        "patternProperties against a new name",
        (_open(patternProperties={"^x_": STRING}), _open(properties={"x_1": INTEGER})),
        [("/x_1", "type_widened"), ("", "field_removed")],
        ({"x_1": "a"}, {"x_1": 1}),
    ),
    _retyped("items", lambda inner: _list(items=inner), "/f/items", *CONTAINING),
    _retyped(
        "prefixItems",
        lambda inner: _list(prefixItems=[inner], items=INTEGER),
        "/f/items",
        {"f": {"contains": "a"}},
        {"f": {"contains": True}},
    ),
    (
        "prefixItems, closed",
        (_list(prefixItems=[STRING], items=False), _list(prefixItems=[STRING, INTEGER], items=False)),
        [],
        ({"f": {"contains": "a"}}, {"f": {"contains": 1}}),
    ),
    _retyped("unevaluatedItems", lambda inner: _list(unevaluatedItems=inner), "/f/items", *CONTAINING),
    (
        "contains, which says nothing of the other items",
        (_list(contains=STRING), _list(contains=INTEGER)),
        [],
        ({"f": {"contains": 1}}, F_IS_1),
    ),
    _retyped("$ref to $defs", lambda inner: _defined("#/$defs/x", inner)),
    _retyped("$ref to an $anchor", lambda inner: _defined("#here", {"$anchor": "here", **inner})),
    _retyped(
        "$ref by the document's own $id",
        lambda inner: {**_defined("https://example.com/x#/$defs/x", inner), "$id": "https://example.com/x"},
    ),
    (
        "$ref into a list",
        (_field({"$ref": "#/$defs/x/anyOf/1"}, **TWO), _field({"$ref": "#/$defs/x/anyOf/0"}, **TWO)),
        WIDENED,
        (F_IS_A, F_IS_1),
    ),
    (
        "$ref beside other keywords",
        (
            _field({"$ref": "#/$defs/x", "enum": ["a"]}, **{"$defs": {"x": STRING}}),
            _field({"$ref": "#/$defs/x", "enum": ["b"]}, **{"$defs": {"x": STRING}}),
        ),
        ADDED,
        (F_IS_A, {"f": "b"}),
    ),
    (
        "allOf",
        (_field({"allOf": [STRING, {"format": "date"}]}), _field({"allOf": [STRING]})),
        [("/f", "format_changed")],
        ({"f": {"gt": "2026-01-01"}}, {"f": {"gt": 1}}),
    ),
    (
        "anyOf",
        (_field({"anyOf": [STRING, INTEGER]}), _field({"anyOf": [STRING, {"type": "boolean"}]})),
        WIDENED,
        (F_IS_1, {"f": True}),
    ),
    (
        "oneOf of objects that a field tells apart",
        (
            {"oneOf": [_field({"const": "a"}), _field({"const": "b"})]},
            {"oneOf": [_field({"const": "a"}), _field({"const": "c"})]},
        ),
        ADDED,
        ({"f": "b"}, {"f": "c"}),
    ),
    _retyped("then", lambda inner: _conditional(_f(inner))),
    _retyped("else", lambda inner: _conditional(True, _f(inner))),
    (
        "if, whose condition is gone",
        (_conditional(_f(STRING)), _open(properties=KIND)),
        [("/f", "field_removed")],
        ({"kind": "b", "f": "a"}, {"kind": "c"}),
    ),
    (
        "if, of a condition that cannot be turned round",
        (
            _conditional(_f(STRING), _f(INTEGER), condition=BY_LENGTH),
            _conditional(_f(STRING), _f({"type": "boolean"}), condition=BY_LENGTH),
        ),
        WIDENED,
        (F_IS_A, {"f": True}),
    ),
    (
        "not, of a type",
        (_field({**TEXT_OR_NULL, "not": {"type": "null"}}), _field(TEXT_OR_NULL)),
        WIDENED,
        (F_IS_A, {"f": None}),
    ),
    (
        "not, of values",
        (_field({**STRING, "not": {"enum": ["a", "b"]}}), _field({**STRING, "not": {"const": "a"}})),
        ADDED,
        ({"f": "c"}, {"f": "a"}),
    ),
    (
        "not, of a field",
        (
            _field(STRING, additionalProperties=STRING, **{"not": {"required": ["g"]}}),
            _field(INTEGER, additionalProperties=STRING),
        ),
        WIDENED,
        ({"h": "a"}, {"g": "a"}),
    ),
    (
        "dependentSchemas",
        ({**NULLABLE_F_AND_G, "dependentSchemas": {"g": _f(STRING)}}, NULLABLE_F_AND_G),
        WIDENED,
        ({"f": None}, F_IS_1),
    ),
    (
        "dependentRequired",
        ({**F_AND_G, "dependentRequired": {"g": ["f"]}}, F_AND_G),
        [("/f", "now_optional")],
        (F_IS_A, F_IS_1),
    ),
    (
        "true and false",
        (
            _open(properties={"f": STRING, "g": False, "h": True}),
            _open(properties={"f": True, "g": True, "h": INTEGER}),
        ),
        WIDENED,
        ({"h": 1}, {"g": 1}),
    ),
]


@pytest.mark.parametrize(
    ("schemas", "breaks", "filters_on_old"),
    [row[1:] for row in KEYWORDS],
    ids=[row[0] for row in KEYWORDS],
)
class TestKeywords:
    def test_a_break_is_found(self, schemas, breaks, filters_on_old):
        old, new = schemas
        assert [(item.path, item.kind) for item in compare("x.y", old, new, path="")] == breaks
        assert compare("x.y", old, {**old, "title": "Another"}) == []

    def test_a_path_of_a_filter_is_read(self, schemas, breaks, filters_on_old):
        event_type = EventType("x.y", "X", "X", schemas[0])
        accepted, refused = filters_on_old
        filters.compile(_on_payload(accepted), event_types=[event_type])
        with pytest.raises(BodyInvalid):
            filters.compile(_on_payload(refused), event_types=[event_type])


def _on_payload(clauses):
    return {f"payload.{path}": clause for path, clause in clauses.items()}


def test_every_keyword_that_describes_a_shape_stands_in_the_table():
    text = " ".join(row[0] for row in KEYWORDS)
    keywords = (
        "type enum const format properties required additionalProperties patternProperties prefixItems items contains "
        "$ref $defs $anchor allOf anyOf oneOf if then else not dependentSchemas dependentRequired "
        "unevaluatedProperties unevaluatedItems"
    )
    assert [keyword for keyword in keywords.split() if keyword not in text] == []


class TestBreaksOfConditions:
    def test_a_value_is_held_against_the_case_that_it_belongs_to(self):
        old = _conditional(_f(STRING), _f(INTEGER))
        (only,) = compare("x.y", old, _conditional(_f(STRING), _f({"type": "number"})))
        found = (only.path, only.kind, only.message)
        assert found == ("/payload/f", "type_widened", "was integer, is now number")

    def test_both_kinds_of_an_object_may_stand_in_one_list_of_alternatives_or_under_if(self):
        def of_kind(kind, f):
            return {"type": "object", "properties": {"kind": {"const": kind}, "f": f}, "required": ["kind"]}

        by_condition = {**_conditional(_f(STRING), _f(INTEGER)), "required": ["kind"]}
        by_alternative = {"oneOf": [of_kind("a", STRING), of_kind("b", INTEGER)]}
        assert compare("x.y", by_condition, by_alternative) == []

    def test_many_cases_of_one_field_stay_told_apart(self):
        def case(n, field):
            condition = {"properties": {"kind": {"const": str(n)}}, "required": ["kind"]}
            return {"if": condition, "then": {"properties": {f"f{n}": field}}}

        def cases(last):
            every = [*(case(n, STRING) for n in range(29)), case(29, last)]
            return {"type": "object", "properties": {"kind": STRING}, "allOf": every}

        assert [item.path for item in compare("x.y", cases(STRING), cases(INTEGER))] == ["/payload/f29"]

    def test_a_message_says_which_fields_are_meant_where_the_path_cannot(self):
        def labels(schema):
            return _field({"type": "object", "patternProperties": {"^x_": _field(schema)}})

        (only,) = compare("x.y", labels(STRING), labels(INTEGER))
        assert only.path == "/payload/f"
        assert only.message == "a field whose name matches '^x_' at /f: was string, is now integer"

    def test_values_that_stand_in_other_alternatives_break_nothing(self):
        assert compare("x.y", _field({"type": "boolean"}), _field({"enum": [True]})) == []
        assert compare("x.y", _field({"enum": [True, False]}), _field({"type": "boolean"})) == []

    def test_a_break_inside_a_tree_of_itself_is_told_once(self):
        def tree(name):
            return {"type": "object", "properties": {"child": {"$ref": "#"}, "name": name}}

        assert [item.path for item in compare("x.y", tree(STRING), tree(INTEGER))] == ["/payload/name"]

    def test_an_alternative_more_is_told_once_with_the_type_that_it_adds(self):
        (only,) = compare("x.y", _field(STRING), _field({"anyOf": [STRING, {"type": "null"}]}))
        assert only.message == "was string, may now also be null"


class TestForms:
    """The properties of a field that a form needs, beyond its types."""

    def test_the_words_nearest_to_the_place_come_first(self):
        there = {"title": "There", "description": "Said there", "default": None, "examples": [1, 2]}
        schema = {"$ref": "#/$defs/x", "title": "Here", "$defs": {"x": there}}
        (shape,) = SchemaDocument(schema).shapes_at()
        assert shape.annotations("title") == ["Here", "There"]
        assert (shape.annotations("default"), shape.annotations("examples")) == ([None], [[1, 2]])

    def test_a_condition_describes_nothing(self):
        condition = {"properties": {"kind": {"const": "a"}, "other": True}, "title": "Whether it is an a"}
        then = _f({**STRING, "title": "F"})
        shapes = SchemaDocument(_conditional(then, condition=condition)).shapes_at()
        assert not any(shape.annotations("title") for shape in shapes)
        assert {shape.field_names for shape in shapes} == {("kind", "f"), ("kind",)}

    def test_the_fields_of_an_object_are_listed_with_what_may_be_absent(self):
        schema = {
            **_field(STRING),
            "allOf": [{"properties": {"g": INTEGER}}, {"required": ["g"]}],
            "dependentRequired": {"g": ["h"], "h": ["i"], "j": ["k"]},
            "patternProperties": {"^x_": STRING},
        }
        (shape,) = SchemaDocument(schema).shapes_at()
        assert shape.field_names == ("f", "g")
        assert shape.required == {"f", "g", "h", "i"}
        assert shape.patterns == ("^x_",)
        assert other_field_shapes(shape) == ()
        assert [inner.types for inner in field_shapes(shape, "g")] == [frozenset({"integer"})]

    def test_the_items_of_a_list_are_told_with_all_that_they_may_be(self):
        schema = {"type": "array", "prefixItems": [STRING, INTEGER], "items": {"type": "null"}}
        (shape,) = SchemaDocument(schema).shapes_at()
        assert [sorted(item.types) for item in any_item_shapes(shape)] == [["string"], ["integer"], ["null"]]

    def test_two_formats_of_a_field_stay_apart(self):
        either = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
        formats = [shape.formats for shape in SchemaDocument(_field(either)).shapes_at("f")]
        assert formats == [{"date"}, {"date-time"}]


A_AND_B = {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}
DOUBLING = {str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(60)}
HOSTILE = {
    "a reference to itself": {"$ref": "#"},
    "references in a circle": {"$ref": "#/$defs/a", "$defs": A_AND_B},
    "a tree of itself": {"type": "object", "properties": {n: {"$ref": "#"} for n in "abcdefgh"}},
    "every alternative itself": {"anyOf": [{"$ref": "#"}] * 50, "properties": {"f": {"$ref": "#"}}},
    "doubling references": {"$ref": "#/$defs/0", "$defs": {**DOUBLING, "60": _field(STRING)}},
    "doubling alternatives": {
        "allOf": [{"anyOf": [_f({"const": n}), _f({"const": -n})]} for n in range(500)]
    },
    "many parts": {"allOf": [_f({"type": "string", "title": str(n)}) for n in range(5000)]},
    "deep nesting": reduce(lambda inner, _: {"anyOf": [inner]}, range(400), _field(STRING)),
    "long lists of values": _field({"enum": list(range(20_000))}),
    "many conditions": {
        "allOf": [{"if": _f({"minimum": n}), "then": _f({"maximum": n})} for n in range(200)]
    },
    "a long prefix": _field({"type": "array", "prefixItems": [STRING] * 20_000}),
    "nots in nots": reduce(lambda inner, _: {"not": inner}, range(400), _field(STRING)),
}


DEAR = {"doubling references", "many parts", "many conditions"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in DEAR else []) for name in HOSTILE]
)
def test_a_hostile_schema_costs_little_and_is_read_generously(name):
    schema = HOSTILE[name]
    other = {**schema, "title": "Another"}
    started = time.process_time()
    document = SchemaDocument(schema)
    for path in ([], ["f"], ["a", "b", "c", "d"], ["f"] * 60):
        document.shapes_at(path)
    compare("x.y", schema, other)
    assert time.process_time() - started < 10  # the slowest takes 0.5 s on a quiet machine


class TestPatterns:
    @pytest.mark.parametrize("pattern", ["(a+)+$", "(?=a)a", "(a)\\1", "(", "a{1000}{1000}", "(x+x+)+y"])
    def test_a_pattern_never_backtracks_over_a_name_of_any_length(self, pattern):
        document = SchemaDocument({"type": "object", "patternProperties": {pattern: STRING}})
        started = time.process_time()
        for length in (1, 30, 900, 1_000_000):
            document.shapes_at(["a" * length + "!"])
            document.shapes_at(["x" * length])
        assert time.process_time() - started < 2

    def test_what_the_linear_engine_cannot_run_counts_as_a_match(self):
        document = SchemaDocument({"type": "object", "patternProperties": {"(?=a)b": STRING}})
        assert document.shapes_at(["z"])
        assert not SchemaDocument({"type": "object", "patternProperties": {"^b": STRING}}).shapes_at(["z"])


NAMES = "abc"
SCALARS = [None, True, False, 0, 1, 1.0, 2.5, "x", "y", "2020-01-01"]
TYPE_NAMES = ["array", "boolean", "integer", "null", "number", "object", "string"]
DEFINED = {"d": {"type": ["object", "null"]}, "e": {"$anchor": "here", "enum": ["x", 1]}}


class _Draw:
    """Draws schemas and values of all keywords from one random source."""

    def __init__(self, random):
        self.random = random

    def value(self, depth=0):
        draw = self.random.random()
        if depth > 2 or draw < 0.5:
            return self.random.choice(SCALARS)
        if draw < 0.65:
            return [self.value(depth + 1) for _ in range(self.random.randrange(3))]
        return {name: self.value(depth + 1) for name in NAMES if self.random.random() < 0.6}

    def schema(self, depth=0):
        if depth > 3 or self.random.random() < 0.05:
            return self.random.choice([True, False, {}, {"type": self.random.choice(TYPE_NAMES)}])
        schema = {}
        values = self._values()
        for keyword in self.random.sample([*values], self.random.choice([1, 2, 2, 3])):
            schema[keyword] = values[keyword](depth + 1)
        return schema

    def _values(self):
        pick, several = self.random.choice, lambda depth: [self.schema(depth) for _ in range(2)]
        return {
            "type": lambda _: self.random.sample(TYPE_NAMES, 2),
            "enum": lambda _: [self.value(1), "unlike any other"],
            "const": lambda _: self.value(1),
            "properties": lambda depth: {n: self.schema(depth) for n in NAMES if self.random.random() < 0.6},
            "required": lambda _: self.random.sample(NAMES, self.random.randrange(3)),
            "patternProperties": lambda depth: {pick(["^a", "b", "."]): self.schema(depth)},
            "prefixItems": several,
            "$ref": lambda _: pick(["#/$defs/d", "#here"]),
            **dict.fromkeys(("allOf", "anyOf", "oneOf"), several),
            "dependentSchemas": lambda depth: {pick(NAMES): self.schema(depth)},
            "dependentRequired": lambda _: {pick(NAMES): [pick(NAMES)]},
            "format": lambda _: "date",
            "minimum": lambda _: 1,
            **dict.fromkeys(("items", "contains", "if", "then", "else", "not"), self.schema),
            **dict.fromkeys(("additionalProperties", "unevaluatedProperties"), self.schema),
        }


def _places(value, path=()):
    yield path, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _places(item, (*path, name))


def _is_taken_at_its_word(document, path):
    """Tell whether the path leads through an object that lists its properties and does not mention others."""
    return any(
        not shape.has_other_fields for end in range(len(path)) for shape in document.shapes_at(path[:end])
    )


@settings(max_examples=100, deadline=None)  # a busy machine is no fault
@given(st.randoms(use_true_random=False))
def test_every_value_that_a_schema_allows_has_a_shape_and_no_schema_breaks_itself(random):
    draw = _Draw(random)
    schema = {"$defs": DEFINED, **(drawn if isinstance(drawn := draw.schema(), dict) else {})}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    document = SchemaDocument(schema)
    for value in filter(validator.is_valid, [draw.value() for _ in range(8)]):
        for path, item in _places(value):
            admitted = any(shape.admits(item) for shape in document.shapes_at(path))
            assert admitted or _is_taken_at_its_word(document, path), (schema, path, item)
    assert compare("x.y", schema, {**schema, "title": "Another"}) == []
