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
    title: str
    call: str
    required: str
    optional: str
    answer: str
    event: str = ""
    either: str = ""
    """Alternative fields, of which one is required."""


PERSON = "first_name last_name email"
PLACE = "city state zip"
CHANGES = f"{PERSON} phone {PLACE} employee_id affiliate_id external_id"
STATUS_NOTE = "changed_by_employee_id status_note"
RECORD = (
    "client_id first_name last_name full_name email phone city state zip status status_id status_name employee_id "
    "employee_name affiliate_id affiliate_name package_keyword source external_id created_utc updated_utc"
)
AFFILIATE = (
    "affiliate_id first_name last_name full_name email phone affiliate_code commission_rate is_approved_affiliate "
    "external_id created_utc updated_utc"
)
NOTE = "client_note_id client_id text note_type visibility external_id created_utc"
STATUS_ANSWER = f"200 previous_status new_status {RECORD}"
EITHER_STATUS = "new_status new_status_id"

ACTIONS = {
    "create_lead": Row(
        "Create Lead",
        "POST /leads",
        PERSON,
        f"phone {PLACE} package_keyword affiliate_id source external_id",
        f"201 {RECORD}",
        "lead.created",
    ),
    "update_lead": Row("Update Lead", "PATCH /leads/{client_id}", "", CHANGES, f"200 success {RECORD}"),
    "update_lead_status": Row(
        "Update Lead Status",
        "PATCH /leads/{client_id}/status",
        "",
        STATUS_NOTE,
        STATUS_ANSWER,
        "client.status_changed",
        EITHER_STATUS,
    ),
    "create_client": Row(
        "Create Client",
        "POST /clients",
        PERSON,
        f"phone status status_id employee_id {PLACE} affiliate_id source external_id",
        f"201 {RECORD}",
        "client.created",
    ),
    "update_client": Row("Update Client", "PATCH /clients/{client_id}", "", CHANGES, f"200 success {RECORD}"),
    "update_client_status": Row(
        "Update Client Status",
        "PATCH /clients/{client_id}/status",
        "",
        STATUS_NOTE,
        STATUS_ANSWER,
        "client.status_changed",
        EITHER_STATUS,
    ),
    "add_client_note": Row(
        "Add Client Note",
        "POST /clients/{client_id}/notes",
        "text",
        "note_type visibility external_id",
        f"201 {NOTE}",
    ),
    "create_affiliate": Row(
        "Create Affiliate",
        "POST /affiliates",
        PERSON,
        "phone affiliate_code commission_rate external_id",
        f"201 {AFFILIATE}",
        "affiliate.created",
    ),
    "update_affiliate": Row(
        "Update Affiliate",
        "PATCH /affiliates/{affiliate_id}",
        "",
        f"{PERSON} phone affiliate_code commission_rate is_approved_affiliate external_id",
        f"200 success {AFFILIATE}",
    ),
}
ACTIONS |= {
    "archive_client": Row(
        "Archive Client", "DELETE /clients/{client_id}", "", "", "200 success client_id archived_utc"
    ),
    "restore_client": Row(
        "Restore Client", "POST /clients/{client_id}/restore", "", "", f"200 success {RECORD}"
    ),
    "delete_client_note": Row(
        "Delete Client Note",
        "DELETE /clients/{client_id}/notes/{client_note_id}",
        "",
        "",
        "200 success client_id client_note_id",
    ),
}
KEYS = "email phone client_id external_id"
SEARCHES = {
    "find_client": Row("Find Client", "GET /clients/search", "", "", "200 results count", either=KEYS),
    "find_lead": Row("Find Lead", "GET /leads/search", "", "", "200 results count", either=KEYS),
}
FINDS = tuple(SEARCHES)
PEOPLE = "q status employee_id affiliate_id limit cursor"
LISTS = {
    "list_clients": (Row("List Clients", "GET /clients", "", PEOPLE, "200 items next_cursor"), RECORD),
    "list_leads": (Row("List Leads", "GET /leads", "", PEOPLE, "200 items next_cursor"), RECORD),
    "list_affiliates": (
        Row(
            "List Affiliates",
            "GET /affiliates",
            "",
            "q is_approved_affiliate limit cursor",
            "200 items next_cursor",
        ),
        AFFILIATE,
    ),
    "list_client_notes": (
        Row(
            "List Client Notes",
            "GET /clients/{client_id}/notes",
            "",
            "visibility limit cursor",
            "200 items next_cursor",
        ),
        NOTE,
    ),
}
SEARCHES |= {name: row for name, (row, _) in LISTS.items()} | {
    "get_client": Row("Get Client", "GET /clients/{client_id}", "", "", f"200 {RECORD}"),
    "get_lead": Row("Get Lead", "GET /leads/{client_id}", "", "", f"200 {RECORD}"),
    "get_affiliate": Row("Get Affiliate", "GET /affiliates/{affiliate_id}", "", "", f"200 {AFFILIATE}"),
}
LOOKUPS = {
    name: Row(title, f"GET /lookups/{name}", "", "q limit cursor", f"200 {items} count next_cursor")
    for name, title, items in (
        ("clients", "Clients", "clients"),
        ("employees", "Employees", "employees"),
        ("affiliates", "Affiliates", "affiliates"),
        ("client-statuses", "Client Statuses", "client_statuses"),
    )
}
ITEMS = {
    "clients": "client_id full_name email",
    "employees": "employee_id full_name",
    "affiliates": "affiliate_id full_name",
    "client-statuses": "status_id name is_lead",
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
def test_title_call_and_events_are_the_contracts(kind, name, row):
    one = CATALOG.get(kind, name)
    assert (one.title, f"{one.method} {one.path}", list(one.emits)) == (
        row.title,
        row.call,
        row.event.split(),
    )


@each_row
def test_what_goes_in_is_exactly_the_contracts(kind, name, row):
    taken = CATALOG.get(kind, name).input
    assert taken.get("required", []) == row.required.split()
    assert set(taken["properties"]) == set(f"{row.required} {row.optional} {row.either}".split())
    assert [one["required"] for one in taken.get("anyOf", [])] == [[field] for field in row.either.split()]


@each_row
def test_what_stands_in_the_path_is_a_number_and_required(kind, name, row):
    parameters = CATALOG.get(kind, name).parameters
    named = re.findall(r"\{(\w+)\}", row.call)
    assert list(parameters["properties"]) == parameters.get("required", []) == named
    assert all(described["type"] == "integer" for described in parameters["properties"].values())


@each_row
def test_the_answer_is_exactly_the_contracts(kind, name, row):
    one = CATALOG.get(kind, name)
    status, *answered = row.answer.split()
    assert one.success_status == int(status)
    assert list(one.output["properties"]) == one.output["required"] == answered
    assert one.is_single is name.startswith("get_")
    assert one.output["additionalProperties"] is False


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_bounded_and_has_whole_records(name):
    one = CATALOG.get("search", name)
    items = one.output["properties"]["items"]
    assert one.is_paged
    assert one.input["properties"]["limit"]["maximum"] == items["maxItems"] <= 200
    assert list(items["items"]["properties"]) == items["items"]["required"] == LISTS[name][1].split()


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


@pytest.mark.parametrize("name", [name for name, row in ACTIONS.items() if row.either])
def test_a_status_is_given_by_name_or_by_number(name):
    (fault,) = CATALOG.check_input(CATALOG.get("action", name), {"client_id": 7}, {})
    assert (fault.path, fault.message) == ("/new_status", "is required, or else new_status_id")


@pytest.mark.parametrize("name", FINDS)
def test_a_search_without_a_key_says_which_there_are(name):
    (fault,) = CATALOG.check_input(CATALOG.get("search", name), {}, {})
    assert (fault.path, fault.message) == ("/email", "is required, or else phone or client_id or external_id")


@pytest.mark.parametrize("name", [name for name, row in ACTIONS.items() if row.required])
def test_each_missing_field_of_a_create_is_told_at_its_own_pointer(name):
    one = CATALOG.get("action", name)
    parameters = one.examples[0].parameters
    told = CATALOG.check_input(one, parameters, {})
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
