"""The interpreter itself: the values of expressions, and the expressions that it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest

from .interpreter import UNDEFINED, FormRefused, NotUnderstood, evaluate, fill_in, render

CONTEXT: dict[str, Any] = {
    "body": {"items": [{"id": 7}, {"id": 8}], "name": "Jane", "none": None, "big": 1.5},
    "headers": {"x-paging-cursor": "abc"},
    "parameters": {"url": "/a", "when": datetime(2026, 1, 28, tzinfo=UTC), "list": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("body.name", "Jane"),
        ("body.items[1].id", 7),
        ("body.items[3].id", UNDEFINED),
        ("body.missing.deeper", UNDEFINED),
        ("headers.`x-paging-cursor`", "abc"),
        ("undefined", UNDEFINED),
        ("1 + 2 * 3 - 4", 3),
        ("(1 + 2) * 3", 9),
        ("'a' + 1", "a1"),
        ("body.name = 'Jane' && body.none = null", True),
        ("body.missing = null", False),
        ("'1' = 1", False),
        ("true = 1", False),
        ("!body.missing", True),
        ("body.missing || 'other'", "other"),
        ("2 > 1", True),
        ("if(body.missing, parseNumber(body.missing), 5)", 5),
        ("ifempty('', body.name)", "Jane"),
        ("contains(parameters.list, 'b')", True),
        ("contains('abc', 'd')", False),
        ("join(parameters.list, ',')", "a,b"),
        ("first(split('a=b', '='))", "a"),
        ("replace(replace('+a/b+', '+', '-'), '/', '_')", "-a_b-"),
        ("substring(parameters.url, 1, length(parameters.url))", "a"),
        ("parseNumber('42')", 42),
        ("formatDate(parameters.when, 'YYYY-MM-DD')", "2026-01-28"),
        ("encodeURL('a/b?c')", "a%2Fb%3Fc"),
        ("createJSON(body.items)", '[{"id":7},{"id":8}]'),
        ("createJSON(body.big)", "1.5"),
        ("sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha256('what do ya want for nothing?', 'hex', 'SmVmZQ==', 'base64')",  # RFC 4231, test case 2
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ],
)
def test_an_expression_has_its_value(source, value):
    assert evaluate(source, CONTEXT) == value


@pytest.mark.parametrize(
    "source",
    [
        "unknown",
        "shuffle(body.items)",
        "body.items[0]",
        "body.items[0 - 1]",
        "body ? 1 : 2",
        "body.name; 2",
        "a = ",
        "replace('a', '/a/g', 'b')",
        "formatDate(parameters.when, 'X')",
        "join('text', ',')",
        "-1",
        "'a\\'b'",
    ],
)
def test_what_is_not_understood_is_refused(source):
    with pytest.raises(NotUnderstood):
        evaluate(source, CONTEXT)


def test_undefined_keys_vanish_and_null_stays():
    block = {
        "a": "{{body.missing}}",
        "b": "{{body.none}}",
        "c": ["{{body.name}}"],
        "d": {"e": "{{undefined}}"},
    }
    assert render(block, CONTEXT) == {"b": None, "c": ["Jane"], "d": {}}


def test_a_text_of_one_expression_keeps_the_type():
    assert render("{{body.items}}", CONTEXT) == [{"id": 7}, {"id": 8}]
    assert render("{{body.name}} #{{body.items[2].id}}", CONTEXT) == "Jane #8"


def test_an_object_is_spread():
    pairs = {"pairs": [{"key": "a", "value": "1"}]}
    block = {"b": 2, "{{...}}": "{{toCollection(pairs, 'key', 'value')}}"}
    assert render(block, pairs) == {"b": 2, "a": "1"}


@pytest.mark.parametrize(
    "text", ["x {{body.missing}}", "{{parseNumber(body.missing)}}", "{{body.name", "x {{body.items}}"]
)
def test_a_text_that_would_not_be_what_it_seems_is_refused(text):
    with pytest.raises(NotUnderstood):
        render(text, CONTEXT)


FORM = [
    {"name": "name", "type": "text", "required": True},
    {"name": "count", "type": "integer", "default": 3},
    {"name": "kind", "type": "select", "options": [{"value": "a"}]},
    {"name": "kinds", "type": "select", "multiple": True, "options": [{"value": "a"}, {"value": "b"}]},
]


def test_a_form_gives_what_is_filled_in():
    assert fill_in(FORM, {"name": "x", "kind": "", "kinds": ["b"]}) == {
        "name": "x",
        "count": 3,
        "kinds": ["b"],
    }


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": ""},
        {"name": 1},
        {"name": "x", "other": 1},
        {"name": "x", "kind": "b"},
        {"name": "x", "kinds": ["c"]},
    ],
)
def test_a_form_does_not_take_what_make_does_not_take(values):
    with pytest.raises(FormRefused):
        fill_in(FORM, values)


def test_a_form_with_an_unknown_parameter_is_refused():
    with pytest.raises(NotUnderstood):
        fill_in([{"name": "a", "type": "text", "visible": "{{x}}"}], {})
    with pytest.raises(NotUnderstood):
        fill_in([{"name": "a", "type": "folder"}], {"a": "x"})
