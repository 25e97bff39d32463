"""The plugin's refusals, with their sentences."""

import pytest
from tests.answers import json_of

LEADS = "'Lead - New' (10), 'Lead - Contacted' (11), 'Lead - Qualified' (12)"
OTHERS = (
    "'Client - Active' (42), 'Client - On Hold' (43), 'Client - Graduated' (44), 'Client - Cancelled' (45)"
)
STATUSES = f"{LEADS}, {OTHERS}"
ABSENT = 999_999
PERSON = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}


UNFIT = [
    ("email", "jane"),
    ("email", "a" * 250 + "@example.com"),
    ("phone", "12345"),
    ("phone", "call me"),
    ("first_name", "x" * 101),
    ("first_name", 7),
    ("external_id", "x" * 201),
    ("favourite_colour", "blue"),
]


@pytest.mark.parametrize("path", ["/leads", "/clients", "/affiliates"])
async def test_a_field_that_cannot_be_or_is_missing_is_named(small_crm, path):
    for field, value in UNFIT:
        faults = await small_crm.faults("POST", path, {**PERSON, field: value})
        assert set(faults) == {f"/{field}"}, (field, value)
    faults = await small_crm.faults("POST", path, {"first_name": "", "last_name": "Doe"})
    assert set(faults) == {"/first_name", "/email"}
    faults = await small_crm.faults("POST", path, {**PERSON, "last_name": " \t"})
    assert faults == {"/last_name": "must not be blank"}
    assert await small_crm.events() == []


async def test_a_commission_rate_is_a_number_of_percent(small_crm):
    for rate in (-0.01, 100.01, "12.5", True):
        faults = await small_crm.faults("POST", "/affiliates", {**PERSON, "commission_rate": rate})
        assert set(faults) == {"/commission_rate"}, rate


@pytest.mark.parametrize("field", ["employee_id", "affiliate_id"])
async def test_an_unknown_employee_or_affiliate_is_refused(crm, field):
    kind = field.removesuffix("_id")
    said = {
        f"/{field}": f"{ABSENT} is not the id of an {kind} of this company; take one from "
        f"GET /api/v1/integrations/lookups/{kind}s"
    }
    body = {**PERSON, field: ABSENT}
    assert await crm.faults("POST", "/clients", body) == said
    number = (await crm.lead())["client_id"]
    assert await crm.faults("PATCH", f"/leads/{number}", {field: ABSENT}) == said
    assert len(await crm.events()) == 1


async def test_an_unknown_employee_changes_no_status(crm):
    number = (await crm.lead())["client_id"]
    change = {"new_status_id": 11, "changed_by_employee_id": ABSENT}
    assert set(await crm.faults("PATCH", f"/leads/{number}/status", change)) == {"/changed_by_employee_id"}
    assert (await crm.find(client_id=number))["status_id"] == 10


async def test_an_unknown_status_is_answered_with_those_of_the_company(crm):
    number = (await crm.lead())["client_id"]
    said = f"is not a status of this company, which has {STATUSES}"
    for path in (f"/leads/{number}/status", f"/clients/{number}/status"):
        both = {"new_status": "Frozen", "new_status_id": 7}
        assert await crm.faults("PATCH", path, both) == {
            "/new_status": f"'Frozen' {said}",
            "/new_status_id": f"7 {said}",
        }


async def test_a_company_without_records_is_told_its_statuses_too(small_crm):
    said = f"is not a status of this company, which has {STATUSES}"
    for field, value, shown in (("status", "Frozen", "'Frozen'"), ("status_id", 7, "7")):
        faults = await small_crm.faults("POST", "/clients", {**PERSON, field: value})
        assert faults == {f"/{field}": f"{shown} {said}"}


async def test_a_lead_keeps_to_leads_statuses_and_a_new_client_to_the_others(small_crm):
    number = (await small_crm.lead())["client_id"]
    faults = await small_crm.faults("PATCH", f"/leads/{number}/status", {"new_status": "Client - Active"})
    assert faults == {"/new_status": f"'Client - Active' is not a lead's status; choose from {LEADS}"}
    faults = await small_crm.faults("POST", "/clients", {**PERSON, "status_id": 10})
    assert faults == {"/status_id": f"10 is a lead's status; choose from {OTHERS}"}


async def test_a_change_of_status_names_one(small_crm):
    path = f"/clients/{(await small_crm.lead())['client_id']}/status"
    for body, other in (
        ({"status_note": "Why?"}, "or else new_status_id"),
        ({"new_status": ""}, "or else new_status_id"),
        ({"new_status": " "}, "or its number"),
    ):
        assert await small_crm.faults("PATCH", path, body) == {"/new_status": f"is required, {other}"}
    assert await small_crm.faults("PATCH", path, {"new_status": "Lead - New", "new_status_id": 42}) == {
        "/new_status_id": "42 is 'Client - Active', not 'Lead - New'; send one of the two"
    }


async def test_a_note_has_a_text_and_a_known_visibility(small_crm):
    path = f"/clients/{(await small_crm.lead())['client_id']}/notes"
    for body in ({}, {"text": ""}, {"text": "  "}, {"text": "x" * 10_001}):
        assert set(await small_crm.faults("POST", path, body)) == {"/text"}, body
    assert set(await small_crm.faults("POST", path, {"text": "x", "visibility": "all"})) == {"/visibility"}


CALLS = [
    ("PATCH", "/leads/{number}", {}),
    ("PATCH", "/leads/{number}/status", {"new_status_id": 10}),
    ("PATCH", "/clients/{number}", {}),
    ("PATCH", "/clients/{number}/status", {"new_status_id": 42}),
    ("POST", "/clients/{number}/notes", {"text": "Hello"}),
    ("PATCH", "/affiliates/{number}", {}),
]


async def test_an_unknown_id_is_not_found(small_crm):
    for method, path, body in CALLS:
        for number in (ABSENT, 2**63, 0, "x"):
            problem = await small_crm.call(method, path.format(number=number), body, expect=404)
            assert str(number) in problem["detail"], path


async def test_a_clients_id_on_a_leads_route_is_not_found(small_crm):
    number = (await small_crm.client())["client_id"]
    await small_crm.call("PATCH", f"/leads/{number}", {"city": "Austin"}, expect=404)
    await small_crm.call("PATCH", f"/leads/{number}/status", {"new_status_id": 11}, expect=404)


async def test_another_companys_records_are_not_there(crm, neighbour):
    client_id = (await crm.client(external_id="x"))["client_id"]
    lead_id = (await crm.lead())["client_id"]
    employee_id, affiliate_id = await crm.employee(), (await crm.affiliate())["affiliate_id"]
    await crm.call("PATCH", f"/affiliates/{affiliate_id}", {"is_approved_affiliate": True})
    before = [await crm.find(client_id=number) for number in (client_id, lead_id)]

    ids = {"/clients": client_id, "/leads": lead_id, "/affiliates": affiliate_id}
    for method, path, body in CALLS:
        number = ids["/" + path.split("/")[1]]
        await neighbour.call(method, path.format(number=number), body, expect=404)
    for field, number in (("employee_id", employee_id), ("affiliate_id", affiliate_id)):
        body = {**PERSON, field: number}
        assert set(await neighbour.faults("POST", "/clients", body)) == {f"/{field}"}
    for keys in ({"client_id": client_id}, {"external_id": "x"}, {"email": "jane.doe@example.com"}):
        assert await neighbour.find(**keys) is None
    for lookup in ("clients", "employees", "affiliates"):
        assert (await neighbour.call("GET", f"/lookups/{lookup}"))["count"] == 0
    assert (await neighbour.client(external_id="x"))["client_id"] != client_id
    assert [await crm.find(client_id=number) for number in (client_id, lead_id)] == before


async def test_each_route_asks_for_its_scope(running, crm):
    reader = await running.client_of(running.company_id, ["integrations:read"])
    writer = await running.client_of(running.company_id, ["integrations:write"])
    base = "/api/v1/integrations"
    assert (await reader.post(f"{base}/leads", json=PERSON)).status_code == 403
    assert (await writer.post(f"{base}/leads", json=PERSON)).status_code == 201
    assert (await writer.get(f"{base}/lookups/employees")).status_code == 403
    assert (await reader.get(f"{base}/lookups/employees")).status_code == 200
    refused = json_of(await writer.post(f"{base}/employees", json={"full_name": "Maria Lopez"}), 403)
    assert "admin" in refused["detail"]
