"""A filter as rows: rows give back the filter that they were made from, and typed values are read by the field's schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline_portal.pages.subscriptions import filter_rows
from trunkline_portal.pages.subscriptions.filter_rows import Row, filter_of, read_value, rows_of, write_value

KINDS = ("text", "integer", "number", "boolean", "date", "date-time", "object", None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | TEXTS
    | st.sampled_from(["12", "true", "null", '"x"', "a, b", " x "])
)
PATHS = st.sampled_from(["payload.amount", "payload.status", "payload.due", "metadata.source"])
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["eq", "ne", "contains", "gt", "gte", "lt", "lte"]), SCALARS),
    st.tuples(st.just("in"), st.lists(SCALARS, min_size=1, max_size=3)),
    st.tuples(st.just("exists"), st.booleans()),
    st.tuples(st.just("starts_with"), TEXTS),
)
MEMBERS = SCALARS | st.lists(COMPARISONS, min_size=1, max_size=3).map(dict)


def spread(source):
    """List the conditions of a filter, in whatever form it is written."""
    conditions = []
    for path, condition in source.items():
        if path == "all":
            conditions += [pair for part in condition for pair in spread(part)]
        else:
            comparisons = condition if isinstance(condition, dict) else {"eq": condition}
            conditions += [(path, name, repr(value)) for name, value in comparisons.items()]
    return sorted(conditions)


@given(
    source=st.dictionaries(PATHS, MEMBERS, min_size=1),
    more=st.lists(st.dictionaries(PATHS, MEMBERS, min_size=1), max_size=2),
    kinds=st.dictionaries(PATHS, st.sampled_from([kind for kind in KINDS if kind])),
)
def test_rows_make_the_filter_that_they_came_from(source, more, kinds):
    whole = source | ({"all": more} if more else {})
    rows = rows_of(whole, kinds)
    assert rows is not None or kinds
    if rows is not None:
        assert spread(filter_of(rows, kinds)) == spread(whole)


@given(kind=st.sampled_from(KINDS), data=st.data())
def test_a_value_that_the_field_can_hold_is_read_again(kind, data):
    value = data.draw(TEXTS | st.none() if kind in {"text", "date", "date-time"} else SCALARS)
    read = read_value(write_value(value, kind), kind)
    assert (read, type(read)) == (value, type(value))


def test_a_value_that_would_be_read_as_another_stays_json():
    assert rows_of({"payload.note": False}, {"payload.note": "text"}) is None
    rows = rows_of({"payload.note": {"in": ["a", 1]}}, {"payload.note": "text"})
    assert rows == [Row("payload.note", "in", '["a",1]')]


@pytest.mark.parametrize(
    "source", [{"any": [{"payload.a": 1}]}, {"not": {"payload.a": 1}}, {"all": [{"not": {}}]}, []]
)
def test_what_rows_cannot_say_stays_json(source):
    assert rows_of(source, {}) is None


@pytest.mark.parametrize(
    ("typed", "kind", "read"),
    [
        ("100", "number", 100),
        ("99.5", None, 99.5),
        ("12345", "text", "12345"),
        ("true", "boolean", True),
        ("true", "text", "true"),
        ("null", "text", None),
        ('"null"', "text", "null"),
        ('"12"', None, "12"),
        ("2026-01-31", "date", "2026-01-31"),
        ("Lead - New", "text", "Lead - New"),
        ("abc", "number", "abc"),
        ("NaN", "number", "NaN"),
        ("[1]", None, "[1]"),
        ("", "text", ""),
    ],
)
def test_what_is_typed_is_read_as_the_field_has_it(typed, kind, read):
    assert read_value(typed, kind) == read
    assert type(read_value(typed, kind)) is type(read)


def test_a_list_is_typed_with_commas_or_as_json():
    kinds = {"payload.status": "text"}
    for typed in ("Partial, Failed", '["Partial", "Failed"]', "Partial,Failed,"):
        read = filter_of([Row("payload.status", "in", typed)], kinds)
        assert read == {"payload.status": {"in": ["Partial", "Failed"]}}
    quoted = filter_of([Row("payload.status", "in", '"Smith, John", Doe')], kinds)
    assert quoted == {"payload.status": {"in": ["Smith, John", "Doe"]}}


def test_two_comparisons_of_one_field_go_together_and_a_repeated_one_beside_them():
    rows = [
        Row("payload.amount", "gte", "1"),
        Row("payload.amount", "lt", "9"),
        Row("payload.note", "contains", "a"),
        Row("payload.note", "contains", "b"),
        Row("metadata.source", "absent"),
        Row(),
    ]
    assert filter_of(rows, {"payload.note": "text"}) == {
        "payload.amount": {"gte": 1, "lt": 9},
        "payload.note": {"contains": "a"},
        "metadata.source": {"exists": False},
        "all": [{"payload.note": {"contains": "b"}}],
    }


def test_blank_rows_are_no_filter():
    assert filter_of([Row(), Row("", "gte", "")], {}) is None
    assert rows_of({}, {}) == []


def test_every_comparison_of_the_hub_can_be_chosen():
    offered = {name for name, _ in filter_rows.OPERATORS}
    assert offered - {"present", "absent"} | {"exists"} == {
        *("eq", "ne", "in", "exists", "contains", "starts_with", "gt", "gte", "lt", "lte")
    }
