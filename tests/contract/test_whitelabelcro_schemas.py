"""The ten event types have the fields that WhiteLabelCRO documents."""

import copy
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.some import some

from trunkline.schemas.budget import Budget
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.explaining import Explainer
from trunkline.schemas.files import load_event_types

FOLDER = Path(__file__).parents[2] / "schemas" / "trunkline_schemas"


class Row(NamedTuple):
    title: str
    required: str
    optional: str = ""


TABLE = {
    "invoice.created": Row(
        "New Invoice Created", "invoice_id client_id amount due_date invoice_status", "description"
    ),
    "invoice.status_changed": Row(
        "Invoice Status Changed",
        "invoice_id client_id previous_status new_status changed_date",
        "total_paid balance",
    ),
    "payment.succeeded": Row(
        "Payment Succeeded",
        "payment_id invoice_id client_id payment_amount payment_method date_paid",
        "transaction_id",
    ),
    "payment.failed": Row(
        "Payment Failed",
        "payment_id invoice_id client_id amount_attempted failure_reason",
        "attempted_date",
    ),
    "client.created": Row(
        "New Client Created",
        "client_id first_name last_name email phone status status_id created_date",
        "employee_id employee_name affiliate_id",
    ),
    "client.status_changed": Row(
        "Client Status Changed",
        "client_id previous_status new_status changed_date",
        "changed_by_employee_id status_note",
    ),
    "lead.created": Row(
        "New Lead Created",
        "client_id first_name last_name email phone status status_id created_date",
        "source affiliate_id",
    ),
    "affiliate.created": Row(
        "New Affiliate Created", "employee_id full_name email phone is_approved_affiliate created_date"
    ),
    "document.uploaded": Row(
        "Document Uploaded",
        "document_id client_id file_name content_type size_bytes uploaded_date",
        "document_type uploaded_by_employee_id",
    ),
    "agreement.signed": Row(
        "Agreement Signed",
        "agreement_id client_id agreement_name signed_date",
        "signer_name signer_email document_id",
    ),
}
FIELDS = [(name, field) for name, row in TABLE.items() for field in f"{row.required} {row.optional}".split()]
NULLABLE = {"phone", "affiliate_id"}
STATUSES = ["Paid", "Partial", "Unpaid", "Failed"]

CATALOG = SchemaCatalog(load_event_types(FOLDER))
EXPLAINERS = {one.name: Explainer(one.schema) for one in CATALOG.types()}

each_type = pytest.mark.parametrize("name", TABLE)


def each(wanted):
    """Turn a check of a field into a test of every type, which checks each of its fields whose name matches *wanted*."""
    found = defaultdict(list)
    for name, field in FIELDS:
        if re.fullmatch(wanted, field):
            found[name].append(field)
    assert found

    def over(check):
        def test(name, subtests):
            for field in found[name]:
                with subtests.test(field=field):
                    check(name, field)

        test.__name__ = check.__name__
        return pytest.mark.parametrize("name", found)(test)

    return over


each_field = each(".*")


def example(name):
    return copy.deepcopy(CATALOG.get(name).example)


def paths(name, payload):
    return sorted({fault.path for fault in CATALOG.check(name, payload)})


def test_the_folder_holds_the_ten_types_and_no_other():
    assert set(CATALOG.names()) == set(TABLE)


@each_type
def test_title_fields_address_and_version_are_exactly_the_contracts(name):
    row, event_type = TABLE[name], CATALOG.get(name)
    schema = event_type.schema
    assert event_type.title == row.title
    assert schema["required"] == row.required.split()
    assert set(schema["properties"]) - set(schema["required"]) == set(row.optional.split())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"/schemas/events/{name}.json"
    assert schema["x-version"] == event_type.version == 1


@each_type
def test_first_example_has_every_field_and_every_example_is_valid(name):
    row = TABLE[name]
    assert list(example(name)) == f"{row.required} {row.optional}".split()
    assert all(CATALOG.check(name, one) == [] for one in CATALOG.get(name).schema["examples"])


@each_type
def test_payload_without_any_optional_field_is_valid(name):
    minimal = {
        field: value for field, value in example(name).items() if field in TABLE[name].required.split()
    }
    assert CATALOG.check(name, minimal) == []


@each_field
def test_every_field_is_described_for_people_and_its_examples_are_valid(name, field):
    described = CATALOG.get(name).schema["properties"][field]
    assert described["title"][0].isupper()
    assert "_" not in described["title"]
    assert described["description"].endswith(".")
    for value in described.get("examples", []):
        assert CATALOG.check(name, {**example(name), field: value}) == []


@each_field
def test_a_missing_field_a_wrong_type_and_null_are_reported_at_the_field(name, field):
    payload = example(name)
    assert paths(name, {**payload, field: [1]}) == [f"/{field}"]
    assert paths(name, {**payload, field: None}) == ([] if field in NULLABLE else [f"/{field}"])
    del payload[field]
    assert paths(name, payload) == ([f"/{field}"] if field in TABLE[name].required.split() else [])


@each("(?!transaction).*_id")
def test_ids_are_whole_numbers_from_one(name, field):
    for value in (0, -1, 1.5, "7", True):
        assert paths(name, {**example(name), field: value}) == [f"/{field}"]


@each(".*_date|date_paid")
def test_dates_are_date_times_with_a_zone(name, field):
    allowed_day = [] if field == "due_date" else [f"/{field}"]
    assert paths(name, {**example(name), field: "2026-02-15T10:00:00.25+02:00"}) == []
    assert paths(name, {**example(name), field: "2026-02-15"}) == allowed_day
    for value in ("2026-02-30T10:00:00Z", "2026-02-15T10:00:00", "tomorrow", ""):
        assert paths(name, {**example(name), field: value}) == [f"/{field}"]


@each(".*email")
def test_email_fields_take_addresses_only(name, field):
    assert paths(name, {**example(name), field: "jane at example.com"}) == [f"/{field}"]


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name, field in FIELDS if name.startswith("invoice.") and field.endswith("_status")],
)
def test_invoice_statuses_are_the_four_of_the_contract(name, field):
    assert CATALOG.get(name).schema["properties"][field]["enum"] == STATUSES
    assert paths(name, {**example(name), field: "paid"}) == [f"/{field}"]


@each("amount|amount_attempted|balance|payment_amount|total_paid")
def test_money_is_a_number_and_keeps_two_decimals_in_the_example(name, field):
    digits = CATALOG.get(name).example_json.partition(f'"{field}":'.encode())[2].split(b",")[0].rstrip(b"}")
    assert len(digits.partition(b".")[2]) == 2
    assert paths(name, {**example(name), field: "99.00"}) == [f"/{field}"]
    assert paths(name, {**example(name), field: -0.01}) == ([] if field == "balance" else [f"/{field}"])


@each_type
def test_unknown_field_is_refused_at_its_own_pointer(name):
    assert paths(name, {**example(name), "x_unheard_of": 1}) == ["/x_unheard_of"]


@each_type
def test_lookups_are_named_where_an_id_can_be_chosen_from_a_list(name):
    for field, described in some(CATALOG.get(name).schema["properties"].items()):
        if field in {"affiliate_id", "employee_id", "status_id"} or field.endswith("_employee_id"):
            assert described["x-lookup"] in {"affiliates", "employees", "client-statuses"}
        else:
            assert "x-lookup" not in described


@each_type
def test_example_bytes_are_compact_and_say_what_the_document_says(name):
    event_type = CATALOG.get(name)
    assert orjson.loads(event_type.example_json) == event_type.example
    assert event_type.schema_json == (FOLDER / "events" / f"{name}.json").read_bytes()
    assert b"\n" not in event_type.example_json


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["2026-02-15", "2026-02-15T10:00:00Z", "jane@example.com", "Paid"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@st.composite
def mutated_examples(draw):
    """Draw a type and its example with some fields replaced, removed or added."""
    name = draw(st.sampled_from(sorted(TABLE)))
    payload = example(name)
    for field in draw(st.lists(st.sampled_from(sorted(payload)), max_size=3)):
        payload[field] = draw(VALUES)
    for field in draw(st.lists(st.sampled_from(sorted(payload)), max_size=1)):
        del payload[field]
    return name, payload | draw(st.dictionaries(st.text(max_size=5), VALUES, max_size=1))


@given(mutated_examples())
def test_check_finds_nothing_exactly_when_jsonschema_finds_nothing(mutated):
    name, payload = mutated
    errors = EXPLAINERS[name].iter_errors(payload, Budget(1 << 62))
    assert (CATALOG.check(name, payload) == []) == (next(errors, None) is None)
