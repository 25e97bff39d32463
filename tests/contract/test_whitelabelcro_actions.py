"""The actions, searches and lookups have the fields that WhiteLabelCRO documents."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.some import some

from trunkline.schemas.catalog import Validator
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.files import load_definitions, load_event_types

FOLDER = Path(__file__).parents[2] / "schemas" / "trunkline_schemas"
EVENT_TYPES = {one.name: one for one in load_event_types(FOLDER)}
CATALOG = DefinitionCatalog(load_definitions(FOLDER), event_types=EVENT_TYPES)


class Row(NamedTuple):
    """A definition's call and fields; *either* are alternative fields, of which one is required."""

    call: str
    answer: str
    optional: str = ""
    required: str = ""
    either: str = ""
    event: str = ""


PERSON = "first_name last_name email"
PLACE = "city state zip"
CHANGES = f"{PERSON} phone {PLACE} employee_id affiliate_id external_id"
RECORD = (
    "client_id first_name last_name full_name email phone city state zip status status_id status_name employee_id "
    "employee_name affiliate_id affiliate_name package_keyword source external_id created_utc updated_utc"
)
AFFILIATE = (
    "affiliate_id first_name last_name full_name email phone affiliate_code commission_rate is_approved_affiliate "
    "external_id created_utc updated_utc"
)
NOTE = "client_note_id client_id text note_type visibility external_id created_utc"
EITHER_STATUS = "new_status new_status_id"
MOVED = Row(
    call="",
    answer=f"previous_status new_status {RECORD}",
    optional="changed_by_employee_id status_note",
    either=EITHER_STATUS,
    event="client.status_changed",
)
LEAD = f"phone {PLACE} package_keyword affiliate_id source external_id"
CLIENT = f"phone status status_id employee_id {PLACE} affiliate_id source external_id"
TERMS = "phone affiliate_code commission_rate"

ACTIONS = {
    "create_lead": Row("POST /leads", RECORD, LEAD, PERSON, event="lead.created"),
    "update_lead": Row("PATCH /leads/{client_id}", f"success {RECORD}", CHANGES),
    "update_lead_status": MOVED._replace(call="PATCH /leads/{client_id}/status"),
    "create_client": Row("POST /clients", RECORD, CLIENT, PERSON, event="client.created"),
    "update_client": Row("PATCH /clients/{client_id}", f"success {RECORD}", CHANGES),
    "update_client_status": MOVED._replace(call="PATCH /clients/{client_id}/status"),
    "add_client_note": Row(
        "POST /clients/{client_id}/notes", NOTE, "note_type visibility external_id", "text"
    ),
    "create_affiliate": Row(
        "POST /affiliates", AFFILIATE, f"{TERMS} external_id", PERSON, event="affiliate.created"
    ),
    "update_affiliate": Row(
        "PATCH /affiliates/{affiliate_id}",
        f"success {AFFILIATE}",
        f"{PERSON} {TERMS} is_approved_affiliate external_id",
    ),
    "archive_client": Row("DELETE /clients/{client_id}", "success client_id archived_utc"),
    "restore_client": Row("POST /clients/{client_id}/restore", f"success {RECORD}"),
    "delete_client_note": Row(
        "DELETE /clients/{client_id}/notes/{client_note_id}", "success client_id client_note_id"
    ),
}
FIND = Row("", "results count", either="email phone client_id external_id")
FINDS = {
    "find_client": FIND._replace(call="GET /clients/search"),
    "find_lead": FIND._replace(call="GET /leads/search"),
}
PEOPLE = "q status employee_id affiliate_id limit cursor"
PAGE = "items next_cursor"
LISTS = {
    "list_clients": Row("GET /clients", PAGE, PEOPLE),
    "list_leads": Row("GET /leads", PAGE, PEOPLE),
    "list_affiliates": Row("GET /affiliates", PAGE, "q is_approved_affiliate limit cursor"),
    "list_client_notes": Row("GET /clients/{client_id}/notes", PAGE, "visibility limit cursor"),
}
LISTED = {"list_affiliates": AFFILIATE, "list_client_notes": NOTE}
"""The fields of the records in a list; a list that is not here has whole clients."""
SEARCHES = FINDS | LISTS | {
    "get_client": Row("GET /clients/{client_id}", RECORD),
    "get_lead": Row("GET /leads/{client_id}", RECORD),
    "get_affiliate": Row("GET /affiliates/{affiliate_id}", AFFILIATE),
}  # fmt: skip
ITEMS = {
    "clients": "client_id full_name email",
    "employees": "employee_id full_name",
    "affiliates": "affiliate_id full_name",
    "client-statuses": "status_id name is_lead",
}
LOOKUPS = {
    name: Row(f"GET /lookups/{name}", f"{name.replace('-', '_')} count next_cursor", "q limit cursor")
    for name in ITEMS
}
NULLABLE_IN_A_RECORD = {
    "phone", "city", "state", "zip", "employee_id", "employee_name", "affiliate_id", "affiliate_name",
    "package_keyword", "source", "external_id",
}  # fmt: skip

KINDS = {"action": ACTIONS, "search": SEARCHES, "lookup": LOOKUPS}
ROWS = [(kind, name, row) for kind, table in KINDS.items() for name, row in table.items()]
PARTS = ("parameters", "input", "output")

each_row = pytest.mark.parametrize(("kind", "name", "row"), ROWS, ids=[name for _, name, _ in ROWS])
each_definition = pytest.mark.parametrize("one", CATALOG.all(), ids=lambda one: one.name)


def fields(one):
    """Give every property of a definition with its name, including the properties of its answer's items."""
    for part in PARTS:
        for name, described in getattr(one, part).get("properties", {}).items():
            yield name, described
            yield from described.get("items", {}).get("properties", {}).items()


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_holds_those_of_the_contract_and_no_other(kind):
    assert {one.name for one in CATALOG.of(kind)} == set(KINDS[kind])


@each_row
def test_title_call_status_and_events_are_the_contracts(kind, name, row):
    one = CATALOG.get(kind, name)
    assert (one.title, f"{one.method} {one.path}", one.success_status, [*one.emits], one.is_single) == (
        re.sub("[-_]", " ", name).title(),
        row.call,
        201 if name.startswith(("create_", "add_")) else 200,
        row.event.split(),
        name.startswith("get_"),
    )


@each_row
def test_fields_of_the_path_the_input_and_the_answer_are_exactly_the_contracts(kind, name, row):
    one = CATALOG.get(kind, name)
    assert one.input.get("required", []) == row.required.split()
    assert set(one.input["properties"]) == set(f"{row.required} {row.optional} {row.either}".split())
    assert [way["required"] for way in one.input.get("anyOf", [])] == [
        [field] for field in row.either.split()
    ]
    in_path = one.parameters["properties"]
    assert [*in_path] == one.parameters.get("required", []) == re.findall(r"\{(\w+)\}", row.call)
    assert all(described["type"] == "integer" for described in in_path.values())
    assert [*one.output["properties"]] == one.output["required"] == row.answer.split()
    assert one.output["additionalProperties"] is False


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_bounded_and_has_whole_records(name):
    one = CATALOG.get("search", name)
    items = one.output["properties"]["items"]
    assert one.is_paged
    assert one.input["properties"]["limit"]["maximum"] == items["maxItems"] <= 200
    assert (
        list(items["items"]["properties"]) == items["items"]["required"] == LISTED.get(name, RECORD).split()
    )


@pytest.mark.parametrize("name", FINDS)
def test_a_search_answers_with_one_whole_record(name):
    results = CATALOG.get("search", name).output["properties"]["results"]
    assert results["maxItems"] == 1
    record = results["items"]
    assert list(record["properties"]) == record["required"] == RECORD.split()
    nullable = {field for field, described in record["properties"].items() if "null" in described["type"]}
    assert nullable == NULLABLE_IN_A_RECORD


@pytest.mark.parametrize("name", LOOKUPS)
def test_a_lookup_lists_the_contracts_items(name):
    one = CATALOG.get("lookup", name)
    items = one.output["properties"][one.listed.items]["items"]
    assert list(items["properties"]) == items["required"] == ITEMS[name].split()
    assert (one.listed.value, one.listed.label) == tuple(ITEMS[name].split()[:2])


@pytest.mark.parametrize(
    ("kind", "name", "row"), [pytest.param(*row, id=row[1]) for row in ROWS if row[2].either]
)
def test_without_any_of_alternative_fields_all_of_them_are_named(kind, name, row):
    one = CATALOG.get(kind, name)
    first, *others = row.either.split()
    (fault,) = CATALOG.check_input(one, one.examples[0].parameters, {})
    assert (fault.path, fault.message) == (f"/{first}", f"is required, or else {' or '.join(others)}")


@pytest.mark.parametrize("name", [name for name, row in ACTIONS.items() if row.required])
def test_each_missing_field_of_a_create_is_told_at_its_own_pointer(name):
    one = CATALOG.get("action", name)
    told = CATALOG.check_input(one, one.examples[0].parameters, {})
    assert [(fault.path, fault.message) for fault in told] == [
        (f"/{field}", "is required") for field in ACTIONS[name].required.split()
    ]


@pytest.mark.parametrize("name", ACTIONS)
def test_null_clears_a_field_of_an_update_unless_it_must_be_there(name):
    one = CATALOG.get("action", name)
    is_update = one.method == "PATCH" and not ACTIONS[name].either
    never = {"first_name", "last_name", "email", "is_approved_affiliate"}
    for field in one.input["properties"]:
        given = one.examples[0].input | {field: None}
        faults = CATALOG.check_input(one, one.examples[0].parameters, given)
        assert {fault.path for fault in faults} == (
            set() if is_update and field not in never else {f"/{field}"}
        )


def test_the_visibility_of_a_note_is_one_of_two():
    field = CATALOG.get("action", "add_client_note").input["properties"]["visibility"]
    assert field["enum"] == ["internal", "client"]


@each_definition
def test_its_first_example_has_every_field(one):
    example = one.examples[0]
    for part in some(part for part in PARTS if one.kind != "lookup" or part != "input"):
        assert set(getattr(example, part)) == set(getattr(one, part).get("properties", {}))


@each_definition
def test_its_description_and_those_of_its_fields_are_for_people(one):
    assert one.description.endswith(".")
    for name, described in fields(one):
        assert described["title"][0].isupper(), name
        assert "_" not in described["title"], name
        assert described["description"].endswith("."), name
        validator = Validator(described, name=name)
        assert described.get("examples") or described["type"] == "array", name
        assert [
            validator.check(value) for value in described.get("examples", []) if validator.check(value)
        ] == []


@each_definition
def test_lookups_are_named_where_a_record_can_be_chosen_from_a_list(one):
    chosen = {
        "client_id": "clients",
        "employee_id": "employees",
        "changed_by_employee_id": "employees",
        "affiliate_id": "affiliates",
        "status": "client-statuses",
        "status_id": "client-statuses",
        "new_status": "client-statuses",
        "new_status_id": "client-statuses",
    }
    for part in ("parameters", "input"):
        for name, described in getattr(one, part).get("properties", {}).items():
            reference = described.get("x-lookup")
            lookup = reference["lookup"] if isinstance(reference, dict) else reference
            is_listed = one.name != "restore_client"  # no list has archived records
            assert lookup == (chosen.get(name) if is_listed else None), name
            assert lookup is None or name != "status" or reference["value"] == "name"


def test_the_status_of_a_lead_is_chosen_among_those_of_leads_and_a_new_clients_among_the_others():
    def where(action, field):
        return CATALOG.get("action", action).input["properties"][field]["x-lookup"]["where"]

    for field in EITHER_STATUS.split():
        assert where("update_lead_status", field) == {"is_lead": True}
    for field in ("status", "status_id"):
        assert where("create_client", field) == {"is_lead": False}


@pytest.mark.parametrize("name", [name for name, row in ACTIONS.items() if row.event])
def test_what_an_action_is_given_its_event_can_tell(name):
    """Fields shared by an action and its event must allow the same values, so that a record's event is never refused."""
    payload = EVENT_TYPES[ACTIONS[name].event].schema["properties"]
    one = CATALOG.get("action", name)
    shared = {field: described for field, described in one.input["properties"].items() if field in payload}
    assert shared
    for field, described in shared.items():
        assert payload[field].get("maxLength", 10**9) >= described.get("maxLength", 0), field
        assert payload[field].get("minLength", 0) <= described.get("minLength", 0), field
