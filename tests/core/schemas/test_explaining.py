"""The cost of explaining an invalid value: hostile values end within a counted number of steps."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.schemas.budget import MAX_STEPS, Budget
from trunkline.schemas.catalog import Validator
from trunkline.schemas.compiling import MAX_BACKTRACKS, backtracking_patterns, compile_validator, is_linear
from trunkline.schemas.explaining import Explainer

BACKTRACKS = "^(a+)+$"
"""For eighty letters, Python's ``re`` would take longer than the age of the universe."""
LOOKS_BACK = r"^(a|a)*\1$"
NAME = "a" * 80 + "!"
NULL, DRAFT = {"type": "null"}, "https://json-schema.org/draft/2020-12/schema"
CLOSED = {"$schema": DRAFT, "patternProperties": {BACKTRACKS: {}}, "additionalProperties": False}


def told(schema, data, *, steps=MAX_STEPS):
    budget = Budget(steps)
    faults = Validator(schema, name="order.placed").check(data, budget=budget)
    return [(fault.path, fault.message) for fault in faults], steps - budget.left


@pytest.mark.parametrize(
    ("schema", "data", "path"),
    [
        ({"patternProperties": {BACKTRACKS: {}}, "additionalProperties": False}, {NAME: 1}, f"/{NAME}"),
        ({"patternProperties": {BACKTRACKS: {}}, "unevaluatedProperties": False}, {NAME: 1}, ""),
        ({"patternProperties": {BACKTRACKS: {}}, "additionalProperties": NULL}, {NAME: 1}, f"/{NAME}"),
        ({"properties": {"a": {"pattern": BACKTRACKS}}}, {"a": NAME}, "/a"),
        ({"properties": {"a": {"pattern": LOOKS_BACK}}}, {"a": NAME}, "/a"),
        ({"propertyNames": {"pattern": BACKTRACKS}}, {NAME: 1}, ""),
        (
            {"$schema": DRAFT, "$defs": {"in": CLOSED}, "properties": {"a": {"$ref": "#/$defs/in"}}},
            {"a": {NAME: 1}},
            f"/a/{NAME}",
        ),
    ],
)
def test_a_pattern_that_backtracks_is_told_at_once(schema, data, path):
    faults, steps = told(schema, data)
    assert [fault[0] for fault in faults] in ([path], [path[: -len(NAME) - 1]])
    assert steps < 50


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"uniqueItems": True}, [*range(50_000), 1]),
        ({"uniqueItems": True}, [{"a": [*range(50_000)]}, {"a": [*range(50_000)]}]),
        ({"contains": {"type": "string"}, "unevaluatedItems": False}, [*range(20_000), "x"]),
        ({"items": {"type": "object"}}, [{}] * 20_000 + [1]),
        ({"patternProperties": {"^b": {}}, "additionalProperties": {"type": "integer"}},
         {f"a{n}": 1 for n in range(20_000)} | {"x": "y"}),
        ({"anyOf": [{"items": {"type": "string"}}, {"items": {"type": "null"}}]}, [1] * 20_000),
    ],
    ids=["unique", "unique within", "unevaluated", "items", "names", "branches"],
)  # fmt: skip
def test_a_value_that_is_too_much_is_told_by_its_first_fault(schema, data):
    faults, steps = told(schema, data)
    assert len(faults) == 1
    assert len(faults[0][1]) <= 80
    assert steps > MAX_STEPS, "there were none left"


def test_branches_that_multiply_with_the_depth_end_without_a_place():
    branch = {"properties": {"c": {"$ref": "#/$defs/n"}}}
    node = {"anyOf": [{**branch, "required": [name]} for name in "qz"]}
    data = {}
    for _ in range(14):
        data = {"c": data}
    faults, _ = told({"$defs": {"n": node}, "$ref": "#/$defs/n"}, data)
    assert faults == [("", "is not valid as order.placed; it is too much to say what is wrong with it")]


def test_a_budget_that_several_share_leaves_the_last_ones_their_first_fault():
    schema = {"properties": {name: {"type": "integer"} for name in "abc"}}
    validator = Validator(schema, name="order.placed")
    budget = Budget(6)
    counts = [len(validator.check(dict.fromkeys("abc", "x"), budget=budget)) for _ in range(3)]
    assert counts == [3, 1, 1]


def test_what_was_found_before_the_steps_ran_out_is_told():
    schema = {"type": "array", "items": {"type": "integer"}}
    faults, _ = told(schema, ["x", *range(1000)], steps=200)
    assert faults == [("/0", "must be a whole number, not a string")]


VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, 0.5, -0.0, 2**60, "", "a", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", ","]), inner, max_size=2)
    ),
    max_leaves=5,
)


def same(left, right):
    """Compare JSON values as plainly as possible."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return left == right


@given(st.lists(VALUES, max_size=5))
def test_items_are_unique_as_both_judges_and_the_definition_say(items):
    expected = not any(same(left, right) for left, right in itertools.combinations(items, 2))
    schema = {"uniqueItems": True}
    assert any(Explainer(schema).iter_errors(items, Budget())) is not expected
    assert compile_validator(schema).is_valid(items) is expected


def test_patterns_that_need_to_backtrack_are_found_wherever_they_stand_and_data_is_left_alone():
    schema = {
        "properties": {"a/b": {"pattern": LOOKS_BACK}, "pattern": {"type": "string"}},
        "anyOf": [{"patternProperties": {"(?=x)": {"pattern": "^x$"}, "^y": {}}}],
        "examples": [{"pattern": "(?=x)"}],
    }
    assert list(backtracking_patterns(schema)) == [
        ("/properties/a~1b/pattern", LOOKS_BACK),
        ("/anyOf/0/patternProperties/(?=x)", "(?=x)"),
    ]
    assert is_linear(BACKTRACKS)


def test_a_pattern_that_needs_to_backtrack_works_up_to_a_bound():
    judge = compile_validator({"pattern": r"^(?!.*(\w)\1{2}).*$"})
    assert judge.is_valid("ab " * 1000)
    assert not judge.is_valid("abbb")
    assert not judge.is_valid("ab " * MAX_BACKTRACKS)
