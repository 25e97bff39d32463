"""What the events of a trigger may be narrowed by: one field of a form for each comparison."""

import pytest
from tests.plugins.products import installed_product

from trunkline.filters import filters
from trunkline.schemas.conditions import MOST_CONDITIONS, conditions_of
from trunkline.schemas.fields import read_fields

VALUES = {"text": "x", "integer": 1, "number": 1, "boolean": True, "date": "2026-01-28", "date-time": "2026-01-28T10:30:00Z"}  # fmt: skip


def conditions(**properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return [
        (one.path, one.operator, one.field.name, one.field.title, one.field.kind)
        for one in conditions_of(read_fields(schema))
    ]


def test_each_kind_of_field_has_the_comparisons_that_people_ask_for():
    assert conditions(
        amount={"type": "number", "title": "Amount"},
        client_id={"type": "integer", "title": "Client"},
        status={"enum": ["paid", "failed"], "title": "Status"},
        name={"type": ["string", "null"], "title": "Name"},
        is_new={"type": "boolean", "title": "New"},
        made={"type": "string", "format": "date-time", "title": "Made"},
    ) == [
        ("payload.amount", "gte", "least_amount", "Amount At Least", "number"),
        ("payload.amount", "lte", "most_amount", "Amount At Most", "number"),
        ("payload.client_id", "eq", "only_client_id", "Only for Client", "integer"),
        ("payload.status", "in", "only_status", "Only for Status", "list"),
        ("payload.name", "eq", "only_name", "Only for Name", "text"),
        ("payload.is_new", "eq", "only_is_new", "Only for New", "boolean"),
        ("payload.made", "gte", "least_made", "Made From", "date-time"),
        ("payload.made", "lte", "most_made", "Made Until", "date-time"),
    ]


def test_what_is_no_plain_value_has_none():
    assert (
        conditions(
            lines={"type": "array", "items": {"type": "string"}},
            place={"type": "object", "properties": {"city": {"type": "string"}}},
            either={"anyOf": [{"type": "string"}, {"type": "object"}]},
            **{"a.b": {"type": "string"}},
        )
        == []
    )


def test_a_form_is_not_endless():
    assert len(conditions(**{f"n{number}": {"type": "number"} for number in range(60)})) == MOST_CONDITIONS


@pytest.mark.parametrize("event_type", installed_product().event_types, ids=lambda one: one.name)
def test_the_hub_takes_each_of_them(event_type):
    found = conditions_of(installed_product().payload(event_type))
    assert found
    for one in found:
        assert not one.field.is_required
        value = list(one.field.choices[:1]) if one.operator == "in" else VALUES[one.field.kind]
        filters.compile({one.path: {one.operator: value}}, event_types=[event_type])
