"""The parts of pages: readable colours, listings that lose nothing, fields of any schema."""

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.some import some

from trunkline_docs import colors
from trunkline_docs.fields import rows_of
from trunkline_docs.highlighting import tokens
from trunkline_docs.pages import snippets

HEX = st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)


@given(HEX)
def test_every_brand_can_be_read(color):
    accents = colors.accents(color)
    assert accents["BRAND"] == color.lower()
    assert colors.contrast(accents["LIGHT_ACCENT"], colors.LIGHT_GROUND) >= 4.5
    assert colors.contrast(accents["DARK_ACCENT"], colors.DARK_GROUND) >= 4.5
    assert colors.contrast(accents["ON_BRAND"], accents["BRAND"]) >= 4.5


def test_the_grounds_are_those_of_the_style_sheet():
    style = (files("trunkline_docs") / "assets" / "style.css").read_text()
    assert re.findall(r"--ground-3: (#\w+);", style) == [colors.LIGHT_GROUND, colors.DARK_GROUND]


def test_contrast_is_what_the_standard_says():
    assert colors.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colors.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_a_colour_that_can_be_read_stays_as_it_is():
    assert colors.accents("#1f5fbf")["LIGHT_ACCENT"] == "#1f5fbf"


@given(st.text(), st.sampled_from(["json", "http", "shell", *(snippet.language for snippet in snippets())]))
def test_a_listing_loses_nothing(text, language):
    assert "".join(part for _, part in tokens(text, language)) == text


def test_the_parts_of_json_are_told_apart():
    text = '{"a": "b: \\"c\\"", "n": -1.50e3, "t": [true, null]}'
    assert [part for part in tokens(text, "json") if part[0]] == [
        ("key", '"a"'),
        ("string", '"b: \\"c\\""'),
        ("key", '"n"'),
        ("number", "-1.50e3"),
        ("key", '"t"'),
        ("word", "true"),
        ("word", "null"),
    ]


def test_the_code_in_six_languages_has_its_words_and_comments():
    for snippet in some(snippets()):
        kinds = {kind for kind, _ in tokens(snippet.text, snippet.language)}
        assert kinds == ({"", "string", "word"} | ({"comment"} if snippet.language != "python" else set()))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "format": "date-time"}, ("string (date-time)", ())),
        ({"type": ["null", "integer"]}, ("integer or null", ())),
        ({"enum": ["a", 1, None]}, ("string or integer or null", ('"a"', "1", "null"))),
        ({"const": 2.5}, ("number", ("2.5",))),
        ({"type": "array", "items": {"type": "string", "format": "email"}}, ("list of strings", ())),
        ({"type": "array"}, ("list", ())),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, ("integer or string", ())),
        ({"allOf": [{"type": "integer"}, {"minimum": 1}]}, ("integer", ())),
        ({"$ref": "#/$defs/word"}, ("string", ('"x"',))),
        ({"$ref": "#/$defs/nowhere"}, ("anything", ())),
        (True, ("anything", ())),
        ({}, ("anything", ())),
    ],
    ids=str,
)
def test_a_type_is_told_in_words(schema, expected):
    document = {"properties": {"f": schema}, "$defs": {"word": {"type": "string", "enum": ["x"]}}}
    (row,) = rows_of(document)
    assert (row.type, row.choices) == expected


def test_a_schema_that_refers_to_itself_has_an_end():
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    rows = rows_of({"properties": {"first": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}})
    assert [f"{row.parent}{row.name}" for row in rows] == ["first", "first.next"]
    assert rows_of({"$ref": "#"}) == ()
    bush = {"type": "object", "properties": {name: {"$ref": "#/$defs/bush"} for name in "abcdefgh"}}
    assert len(rows_of({"properties": {"root": {"$ref": "#/$defs/bush"}}, "$defs": {"bush": bush}})) == 9
    leaves = {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}}
    tree = {"type": "object", "properties": {"name": {"type": "string"}, "leaves": leaves}}
    rows = rows_of({"properties": {"root": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": tree}})
    assert [f"{row.parent}{row.name}" for row in rows] == ["root", "root.name", "root.leaves"]


def test_fields_under_any_name_are_there():
    tags = {"type": "object", "additionalProperties": {"type": "integer", "description": "A tag."}}
    schema = {"properties": {"tags": tags}}
    assert [(row.parent, row.name, row.type) for row in rows_of(schema)] == [
        ("", "tags", "object"),
        ("tags.", "(any name)", "integer"),
    ]


def test_what_only_some_forms_require_is_optional():
    schema = {
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string"}},
        "required": ["c"],
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert [row.name for row in rows_of(schema) if row.is_required] == ["c"]
    assert [row.name for row in rows_of(schema)] == ["a", "b", "c"]


def test_the_fields_of_every_form_are_there():
    card = {"type": "object", "properties": {"kind": {"const": "card"}, "last4": {}}, "required": ["kind"]}
    bank = {"properties": {"kind": {"const": "bank"}, "iban": {}}, "required": ["kind", "iban"]}
    rows = rows_of({"properties": {"paid": {"oneOf": [card, bank, {"type": "null"}]}}})
    assert [(row.name, row.is_required, row.choices) for row in rows] == [
        ("paid", False, ()),
        ("kind", True, ('"card"', '"bank"')),
        ("last4", False, ()),
        ("iban", False, ()),
    ]
