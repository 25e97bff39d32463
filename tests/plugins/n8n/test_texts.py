"""Texts as n8n's linter demands them, and TypeScript as its prettier writes it."""

import pytest

from trunkline_n8n import texts
from trunkline_n8n.typescript import Code, render


@pytest.mark.parametrize(
    ("text", "name", "written"),
    [
        ("Adds a lead.", "", "Adds a lead"),
        ("Adds a lead. Or two", "", "Adds a lead. Or two."),
        ("the id, as   `json`", "", "The ID, as 'JSON'"),
        ("A name, e.g. Jane.", "", "A name, e.g. Jane"),
        ("The city.", "City", ""),
        ("In <b>bold", "", "In &lt;b&gt;bold"),
    ],
)
def test_a_description_has_the_form_of_n8n(text, name, written):
    assert texts.description(text, of=name) == written


def test_names_and_titles():
    assert texts.pascal_case("client-statuses_2") == "ClientStatuses2"
    assert texts.camel_case("client_id") == "clientId"
    for slug, name in (("x-y-z-corp", "XYzCorp"), ("h-b-o", "HBo"), ("b-b-hotels", "BBHotels")):
        assert texts.class_name(slug) == name
    assert texts.title_case("date of the iPhone's url") == "Date of the iPhone's URL"


def test_values_are_written_as_source():
    value = {"a": [1, True, None], "b-c": "it's", "d": 'a "b"', "e": Code("name"), "f": [], "a²": 1}
    assert render(value) == (
        "{\n\ta: [1, true, null],\n\t'b-c': \"it's\",\n\td: 'a \"b\"',\n\te: name,\n\tf: [],\n\t'a²': 1,\n}"
    )
    assert render("\\n\n'\"") == "'\\\\n\\n\\'\"'"
