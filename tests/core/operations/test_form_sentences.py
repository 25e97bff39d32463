"""Refusals in the words of a form."""

import pytest

from trunkline.errors import FieldError
from trunkline.operations.form_sentences import MOST_SENTENCES, form_detail
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import Definition, Example

TEXT = {"type": "string", "description": "x"}
LINE = {"type": "object", "properties": {"sku": TEXT | {"title": "SKU"}}, "required": ["sku"]}
ID = {"title": "Order", "description": "x", "type": "integer"}
ORDER = Definition(
    *("action", "change_order", "Change Order", "Changes an order.", "PATCH", "/orders/{order_id}"),
    parameters={"type": "object", "properties": {"order_id": ID}, "required": ["order_id"]},
    input={
        "type": "object",
        "properties": {
            "name": TEXT | {"title": "Name"},
            "email": TEXT | {"title": "Email", "format": "email"},
            "lines": {"title": "Lines", "description": "x", "type": "array", "items": LINE},
            "note": TEXT | {"title": "Note"},
        },
        "required": ["name"],
        "anyOf": [{"required": ["email"]}, {"required": ["note"]}, {"required": ["lines"]}],
        "minProperties": 1,
        "additionalProperties": False,
    },
    output={"type": "object", "properties": {}},
    examples=(Example({"order_id": 1}, {"name": "x", "note": "y"}, {}),),
)


CATALOG = DefinitionCatalog([ORDER])


@pytest.mark.parametrize(
    ("body", "sentences"),
    [
        ({"note": "x"}, "Name is required."),
        ({"name": "x"}, "Fill in Email, Note or Lines."),
        ({"name": None, "note": "x"}, "Name is required."),
        ({"name": 1, "email": "x"}, "Name must be text, not a number. Email must be an email address, such as jane@example.com."),
        ({"name": "x", "lines": [{"sku": "a"}, {}]}, "Lines, entry 2, SKU is required."),
        ({"name": "x", "note": "y", "colour": 1}, "colour is not a field of change_order; known fields are name, email, lines, note."),
        ({"name": "x", "note": "y", "emial": 1}, "emial is not a field of change_order; did you mean 'email'?"),
    ],
    ids=str,
)  # fmt: skip
def test_fields_are_called_by_their_titles(body, sentences):
    assert form_detail(ORDER, CATALOG.check_input(ORDER, {"order_id": 1}, body)) == sentences


def test_a_body_without_fields_is_told_once_more():
    faults = CATALOG.check_input(ORDER, {"order_id": 1}, {})
    assert "Fill in at least one field." in form_detail(ORDER, faults)


def test_what_begins_with_a_value_follows_a_colon():
    faults = [
        FieldError("/name", "'x' is taken"),
        FieldError("order_id", "must be 1"),
        FieldError("", "is odd"),
    ]
    assert form_detail(ORDER, faults) == "Name: 'x' is taken. Order must be 1. Is odd."


def test_only_some_faults_are_told():
    faults = [FieldError(f"/lines/{number}", "is odd") for number in range(MOST_SENTENCES + 3)]
    assert form_detail(ORDER, faults).endswith("Lines, entry 10 is odd. There are 3 more.")
