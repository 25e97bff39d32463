"""The parts of the schemas that generators of connectors read."""

from tests.example_product import DEFINITIONS, EVENT_TYPES

from trunkline.schemas.catalog import EventType
from trunkline.schemas.products import Brand, Product, alternatives, sample_envelope

URL = "https://acme.example"
BRAND = Brand("acme", "Acme", "Things.", "#112233", URL, "Acme", "a@acme.example", URL)
PRODUCT = Product(
    BRAND,
    "https://api.acme.example",
    event_types=tuple(EVENT_TYPES.values()),
    lookups=tuple(definition for definition in DEFINITIONS if definition.kind == "lookup"),
)


def definition(name: str):
    return next(definition for definition in DEFINITIONS if definition.name == name)


def test_the_parameters_of_the_path_come_before_the_body():
    fields = PRODUCT.inputs(definition("update_lead_status"))
    assert [(field.name, field.is_parameter, field.is_required, field.is_long) for field in fields] == [
        ("client_id", True, True, False),
        ("new_status", False, False, False),
        ("new_status_id", False, False, False),
        ("changed_by_employee_id", False, False, False),
        ("status_note", False, False, True),
    ]


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


def test_the_fields_of_a_payload_are_those_of_its_schema():
    schema = {"type": "object", "properties": {"amount_due": {"type": ["string", "null"]}}}
    (field,) = PRODUCT.payload(EventType("a.b", title="A", description="a", schema=schema))
    assert (field.title, field.kind, field.is_nullable) == ("Amount due", "text", True)


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
