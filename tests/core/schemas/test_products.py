"""The parts of the schemas that generators of connectors read."""

import pytest

from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.files import installed_definitions, installed_event_types
from trunkline.schemas.products import Brand, Product, alternatives, sample_envelope

BRAND = Brand(
    "acme",
    "Acme",
    "Things.",
    "#112233",
    "https://acme.example",
    "Acme",
    "a@acme.example",
    "https://acme.example",
)
DEFINITIONS = installed_definitions()
PRODUCT = Product(
    BRAND,
    "https://api.acme.example",
    event_types=tuple(installed_event_types()),
    lookups=tuple(definition for definition in DEFINITIONS if definition.kind == "lookup"),
)


def definition(name: str):
    return next(definition for definition in DEFINITIONS if definition.name == name)


def payload_of(properties: Json, *required: str):
    schema = {"type": "object", "properties": properties, "required": list(required), "examples": [{}]}
    return PRODUCT.payload(EventType("a.b", title="A", description="a", schema=schema))


def test_the_parameters_of_the_path_come_before_the_body():
    fields = PRODUCT.inputs(definition("update_lead_status"))
    assert [field.name for field in fields] == [
        "client_id",
        "new_status",
        "new_status_id",
        "changed_by_employee_id",
        "status_note",
    ]
    assert [field.is_parameter for field in fields] == [True, False, False, False, False]
    assert [field.is_required for field in fields] == [True, False, False, False, False]
    assert fields[-1].is_long


def test_a_lookup_is_followed_to_what_is_sent_and_what_is_shown():
    _, name, number, employee, _ = PRODUCT.inputs(definition("update_lead_status"))
    assert name.reference is not None
    assert number.reference is not None
    assert employee.reference is not None
    assert (name.reference.value, name.reference.label) == ("name", "name")
    assert (number.reference.value, number.reference.label) == ("status_id", "name")
    assert name.reference.where == number.reference.where == {"is_lead": True}
    assert employee.reference.lookup.name == "employees"
    assert employee.reference.where == {}


def test_a_lookup_that_nobody_carries_out_is_no_reference():
    lean = Product(BRAND, "https://api.acme.example", event_types=())
    assert all(field.reference is None for field in lean.inputs(definition("update_lead_status")))


@pytest.mark.parametrize(
    ("schema", "kind", "is_nullable"),
    [
        ({"type": "string"}, "text", False),
        ({"type": ["string", "null"]}, "text", True),
        ({"type": "string", "format": "date"}, "date", False),
        ({"type": ["string", "null"], "format": "date-time"}, "date-time", True),
        ({"type": "integer"}, "integer", False),
        ({"type": "number"}, "number", False),
        ({"type": "boolean"}, "boolean", False),
        ({"type": "array", "items": {"type": "integer"}}, "list", False),
        ({"type": "object"}, "object", False),
        ({}, "any", True),
    ],
    ids=str,
)
def test_every_type_is_one_kind(schema, kind, is_nullable):
    (field,) = payload_of({"x": schema})
    assert (field.kind, field.is_nullable) == (kind, is_nullable)


def test_what_a_form_shows_comes_from_the_schema():
    described = {
        "title": "Amount Due",
        "description": "What is owed.",
        "type": ["string", "null"],
        "enum": ["low", "high", None],
        "default": "low",
        "examples": [None, "high"],
    }
    (field,) = payload_of({"amount": described}, "amount")
    assert (field.title, field.description) == ("Amount Due", "What is owed.")
    assert field.choices == ("low", "high")
    assert (field.default, field.example) == ("low", "high")
    assert field.is_required
    (bare,) = payload_of({"amount_due": {"type": "string"}})
    assert (bare.title, bare.description, bare.choices, bare.example) == ("Amount due", "", (), None)


def test_objects_and_lists_show_what_is_in_them():
    inner = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    home, homes, tags = payload_of(
        {
            "home": inner,
            "homes": {"type": "array", "items": inner},
            "tags": {"type": "array", "items": {"type": "string"}},
        }
    )
    assert [field.name for field in home.fields] == ["city"]
    assert (homes.item_kind, [field.name for field in homes.fields]) == ("object", ["city"])
    assert (tags.item_kind, tags.fields) == ("text", ())


def test_a_form_has_each_list_once():
    form = {field.name: field for field in PRODUCT.form(definition("update_lead_status"))}
    assert (form["new_status"].reference, form["new_status"].yields_to) == (None, "new_status_id")
    assert form["new_status_id"].reference is not None
    assert form["new_status_id"].yields_to is None
    plain = {field.name: field for field in PRODUCT.form(definition("create_lead"))}
    assert plain["affiliate_id"].reference is not None


def test_what_must_be_given_one_of_is_known():
    assert alternatives(definition("update_lead_status")) == (("new_status",), ("new_status_id",))
    assert {("email",), ("phone",)} <= set(alternatives(definition("find_client")))
    assert alternatives(definition("create_lead")) == ()


def test_a_sample_has_the_shape_of_a_push():
    (kind,) = (event_type for event_type in PRODUCT.event_types if event_type.name == "client.created")
    sample = sample_envelope(kind)
    assert list(sample) == ["id", "type", "createdUtc", "companyId", "payload"]
    assert sample["payload"] == kind.example


def test_the_id_that_most_types_require_orders_their_events():
    keys = PRODUCT.order_keys()
    assert (keys["payment.failed"], keys["lead.created"]) == ("client_id", "client_id")
    assert keys["affiliate.created"] == "employee_id"


def test_types_are_related_by_their_kind_of_record_and_by_its_id():
    types = {event_type.name: event_type for event_type in PRODUCT.event_types}
    related = {name: [other.name for other in PRODUCT.related(types[name])] for name in types}
    assert related["client.created"] == ["affiliate.created", "client.status_changed"]
    assert {"invoice.created", "client.created", "payment.succeeded"} <= set(related["payment.failed"])
