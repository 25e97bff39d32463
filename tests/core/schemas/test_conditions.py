"""The filter conditions for events of a trigger: one form field for each comparison."""

import pytest
from tests.plugins.own_product import own_product
from tests.plugins.products import installed_product
from tests.some import some

from trunkline.filters import filters
from trunkline.schemas.conditions import MOST_CONDITIONS, all_conditions, conditions_of
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
    lines = {"type": "array", "items": {"type": "string"}}
    either = {"anyOf": [{"type": "string"}, {"type": "object"}]}
    assert conditions(lines=lines, either=either, **{"a.b": {"type": "string"}}) == []


def test_fields_in_objects_come_last_and_say_whose_they_are():
    code = {"type": ["string", "null"], "title": "ZIP"}
    kinds = {"type": "array", "items": {"enum": ["home", "work"]}, "title": "Kinds"}
    home = {"type": "object", "title": "Home", "properties": {"zip": code, "kinds": kinds}}
    guest = {"type": "object", "title": "Guest", "properties": {"home": home, "a.b": code}}
    path = "payload.guest.home.kinds"
    assert conditions(guest=guest, name={"type": "string", "title": "Name"}) == [
        ("payload.name", "eq", "only_name", "Only for Name", "text"),
        ("payload.guest.home.zip", "eq", "only_zip_of_home_of_guest", "Only for Guest Home ZIP", "text"),
        (path, "contains", "only_kinds_of_home_of_guest", "Only for Guest Home Kinds", "text"),
    ]


def test_conditions_of_several_types_say_whose_they_are_where_they_differ():
    def payload(**properties):
        return read_fields({"type": "object", "properties": properties})

    first, second = installed_product().event_types[:2]
    name, number = {"type": "string", "title": "Name"}, {"type": "integer", "title": "ID"}
    of_first, of_second = payload(name=name, x_id=number), payload(name=name, x_id=name)
    found = all_conditions([(first, of_first), (second, of_second)])
    assert [(one.path, one.field.name, one.field.title) for one in found] == [
        ("payload.name", "only_name", "Only for Name"),
        ("payload.x_id", "only_x_id", "Only for ID"),
        ("payload.x_id", f"only_x_id_{second.name.replace('.', '_')}", f"Only for Name ({second.title})"),
    ]


def test_what_a_schema_lets_people_choose_is_chosen_in_a_filter_too():
    product = installed_product()
    chosen = {
        (event_type.name, one.field.name): (one.operator, one.field.reference.lookup.name)
        for event_type in product.event_types
        for one in conditions_of(product.payload(event_type))
        if one.field.reference is not None
    }
    assert chosen == {
        ("affiliate.created", "only_employee_id"): ("eq", "affiliates"),
        ("client.created", "only_status_id"): ("eq", "client-statuses"),
        ("client.created", "only_employee_id"): ("eq", "employees"),
        ("client.created", "only_affiliate_id"): ("eq", "affiliates"),
        ("client.status_changed", "only_changed_by_employee_id"): ("eq", "employees"),
        ("document.uploaded", "only_uploaded_by_employee_id"): ("eq", "employees"),
        ("lead.created", "only_status_id"): ("eq", "client-statuses"),
        ("lead.created", "only_affiliate_id"): ("eq", "affiliates"),
    }
    every = all_conditions((kind, product.payload(kind)) for kind in product.event_types)
    references = {one.field.name: one.field.reference for one in every if one.field.reference}
    lists = {reference.lookup.name for name, reference in references.items() if "employee_id" in name}
    assert lists == {"affiliates", "employees"}
    kinds = {"type": "array", "title": "Owners", "items": {"type": "integer"}, "x-lookup": "employees"}
    properties = {"owners": kinds, "rank": {"type": "integer", "x-lookup": "ranks"}}
    fields = read_fields({"properties": properties}, find=lambda _: references["only_status_id"])
    found = [(one.operator, one.field.kind) for one in conditions_of(fields)]
    assert found == [("contains", "integer"), ("eq", "integer")]


def test_the_help_of_a_filter_says_what_it_does():
    properties = {"paid": {"type": "number"}, "made": {"type": "string", "format": "date"}}
    fields = read_fields({"properties": properties})
    assert [one.field.description.partition(".")[0] for one in conditions_of(fields)] == [
        "Only events whose Paid is this or more",
        "Only events whose Paid is this or less",
        "Only events whose Made is this or later",
        "Only events whose Made is this or earlier",
    ]


def test_a_form_is_not_endless():
    assert len(conditions(**{f"n{number}": {"type": "number"} for number in range(60)})) == MOST_CONDITIONS


@pytest.mark.parametrize("make_product", [installed_product, own_product], ids=["installed", "own"])
def test_the_hub_takes_each_of_them(make_product):
    product = make_product()
    for event_type in some(product.event_types):
        found = conditions_of(product.payload(event_type))
        assert found
        for one in some(found):
            assert not one.field.is_required
            value = one.field.choices[0] if one.field.choices else VALUES[one.field.kind]
            asked = {one.operator: [value] if one.operator == "in" else value}
            filters.compile({one.path: asked}, event_types=[event_type])
