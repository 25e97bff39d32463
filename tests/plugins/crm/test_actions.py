"""The actions: their answers, their stored records, and their events."""

import json
import re

import jsonschema
import pytest

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def only_event(crm, type: str) -> dict:
    (event,) = await crm.events(type)
    assert event["companyId"] == crm.company_id
    return event["payload"]


@pytest.mark.parametrize(
    ("kind", "status", "status_id"), [("lead", "Lead - New", 10), ("client", "Client - Active", 42)]
)
async def test_create_lead_and_client_with_what_is_required(crm, kind, status, status_id):
    made = await getattr(crm, kind)()
    number = made["client_id"]
    assert made == await crm.call("GET", f"/{kind}s/{number}") == await crm.find(client_id=number)
    assert UTC.fullmatch(made["created_utc"])
    assert await only_event(crm, f"{kind}.created") == {
        "client_id": number,
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane.doe@example.com",
        "phone": None,
        "status": status,
        "status_id": status_id,
        "created_date": made["created_utc"],
        "affiliate_id": None,
    }


async def test_create_lead_with_everything(crm):
    affiliate_id = (await crm.affiliate())["affiliate_id"]
    made = await crm.lead(
        phone=" (555) 010-4477 ", city="Austin", state="TX", zip="01234", package_keyword="premium",
        affiliate_id=affiliate_id, source="Website", external_id="hubspot-1",
    )  # fmt: skip
    payload = await only_event(crm, "lead.created")
    assert payload["phone"] == "(555) 010-4477"
    assert (payload["source"], payload["affiliate_id"]) == ("Website", affiliate_id)
    assert made == {
        "client_id": made["client_id"],
        "first_name": "Jane",
        "last_name": "Doe",
        "full_name": "Jane Doe",
        "email": "jane.doe@example.com",
        "phone": "(555) 010-4477",
        "city": "Austin",
        "state": "TX",
        "zip": "01234",
        "status": "Lead - New",
        "status_id": 10,
        "status_name": "Lead - New",
        "employee_id": None,
        "employee_name": None,
        "affiliate_id": affiliate_id,
        "affiliate_name": "Rosa Bennett",
        "package_keyword": "premium",
        "source": "Website",
        "external_id": "hubspot-1",
        "created_utc": made["created_utc"],
        "updated_utc": made["created_utc"],
    }
    assert await crm.find(client_id=made["client_id"]) == made


@pytest.mark.parametrize(("kind", "method"), [("leads", "PATCH"), ("clients", "PUT")])
async def test_update_lead_and_client(crm, kind, method):
    employee_id = await crm.employee()
    made = await (crm.lead if kind == "leads" else crm.client)(phone="+1 555-010-4477", external_id="a")
    number = made["client_id"]
    changes = {
        "last_name": "Roe",
        "email": "Jane@Roe.example",
        "employee_id": employee_id,
        "external_id": "b",
    }
    answer = await crm.call(method, f"/{kind}/{number}", changes)
    assert UTC.fullmatch(answer["updated_utc"])
    client = await crm.find(email="jane@roe.EXAMPLE", external_id="b", phone="15550104477")
    assert client | changes | {"full_name": "Jane Roe", "employee_name": "Maria Lopez"} == client
    assert answer == {"success": True, **client}
    assert await crm.find(email="jane.doe@example.com") is None
    assert await crm.find(external_id="a") is None
    assert [event["type"] for event in await crm.events()] == [f"{kind[:-1]}.created"]


async def test_null_clears_a_field(crm):
    filled = {
        "phone": "555-010-4477",
        "employee_id": await crm.employee(),
        "affiliate_id": (await crm.affiliate())["affiliate_id"],
        "external_id": "a",
    }
    number = (await crm.client(**filled, city="Austin"))["client_id"]
    await crm.call("PATCH", f"/clients/{number}", dict.fromkeys([*filled, "city", "state", "zip"]))
    client = await crm.find(client_id=number)
    assert {name: client[name] for name in filled} == dict.fromkeys(filled)
    assert client["employee_name"] is None
    assert await crm.find(phone="5550104477") is None
    await crm.client(external_id="a")  # the external_id is free again


async def test_an_update_that_changes_nothing_is_one_too(crm):
    made = await crm.lead(external_id="a")
    before = await crm.find(client_id=made["client_id"])
    for body in ({"phone": "", "first_name": " "}, {"first_name": "Jane", "external_id": "a"}):
        assert await crm.call("PATCH", f"/leads/{made['client_id']}", body) == {"success": True, **made}
    assert await crm.find(client_id=made["client_id"]) == before


@pytest.mark.parametrize("body", [{}, {"city": ""}, {"first_name": None}], ids=str)
async def test_an_update_without_a_field_is_refused(crm, body):
    made = await crm.lead()
    refused = await crm.call("PATCH", f"/leads/{made['client_id']}", body, expect=422)
    (error,) = refused["errors"]
    assert error["message"].startswith("must have at least one field; known fields are first_name,")
    assert refused["form_detail"] == "Fill in at least one field to change."


async def test_null_counts_as_absent_where_it_cannot_clear(crm):
    made = await crm.lead(phone=None, affiliate_id=None, external_id=None)
    assert (await crm.find(client_id=made["client_id"]))["phone"] is None
    await crm.call("PATCH", f"/leads/{made['client_id']}", {"first_name": None, "city": "Austin"})
    assert (await crm.find(client_id=made["client_id"]))["first_name"] == "Jane"


async def test_create_client_with_everything(crm):
    employee_id, affiliate_id = await crm.employee("Zoë Müller"), (await crm.affiliate())["affiliate_id"]
    made = await crm.client(
        phone="+1 555-010-4477", status="client - on hold", status_id=43, employee_id=employee_id, city="Austin",
        state="TX", zip="78701", affiliate_id=affiliate_id, source="Website", external_id="hubspot-1",
    )  # fmt: skip
    assert made["status"] == "Client - On Hold"
    payload = await only_event(crm, "client.created")
    assert (payload["employee_id"], payload["employee_name"]) == (employee_id, "Zoë Müller")
    assert (payload["status"], payload["status_id"]) == ("Client - On Hold", 43)
    assert (payload["phone"], payload["affiliate_id"]) == ("+1 555-010-4477", affiliate_id)
    client = await crm.find("clients", external_id="hubspot-1")
    assert (client["employee_name"], client["affiliate_name"]) == ("Zoë Müller", "Rosa Bennett")


async def test_a_client_may_start_with_another_status(small_crm):
    for status in ({"status": "Client - Graduated"}, {"status_id": 44}, {"status": "", "status_id": 44}):
        assert (await small_crm.client(**status))["status"] == "Client - Graduated"


async def test_update_lead_status(crm):
    employee_id, number = await crm.employee(), (await crm.lead())["client_id"]
    note = {"changed_by_employee_id": employee_id, "status_note": " Called. "}
    body = {"new_status": "Lead - Contacted"} | note
    answer = await crm.call("PUT", f"/leads/{number}/status", body)
    assert answer == {
        "previous_status": "Lead - New",
        "new_status": "Lead - Contacted",
        **(await crm.find("leads", client_id=number)),
    }
    assert answer["status"] == "Lead - Contacted"
    assert await only_event(crm, "client.status_changed") == {
        "client_id": number,
        "previous_status": "Lead - New",
        "new_status": "Lead - Contacted",
        "changed_date": answer["updated_utc"],
        "changed_by_employee_id": employee_id,
        "status_note": "Called.",
    }


async def test_update_client_status(crm):
    number = (await crm.client())["client_id"]
    answer = await crm.call("PUT", f"/clients/{number}/status", {"new_status_id": 45})
    assert (answer["previous_status"], answer["new_status"]) == ("Client - Active", "Client - Cancelled")
    assert await only_event(crm, "client.status_changed") == {
        "client_id": number,
        "previous_status": "Client - Active",
        "new_status": "Client - Cancelled",
        "changed_date": answer["updated_utc"],
    }


async def test_a_lead_that_gets_a_clients_status_is_a_client_at_once(crm):
    number = (await crm.lead())["client_id"]
    assert (await crm.find("leads", client_id=number))["status"] == "Lead - New"
    await crm.call("PATCH", f"/clients/{number}/status", {"new_status": "Client - Active"})
    assert await crm.find("leads", client_id=number) is None
    assert (await crm.find("clients", client_id=number))["status_id"] == 42
    await crm.call("PATCH", f"/leads/{number}/status", {"new_status": "Lead - New"}, expect=404)
    await crm.call("PATCH", f"/clients/{number}/status", {"new_status": "Lead - Qualified"})
    assert (await crm.find("leads", client_id=number))["status_name"] == "Lead - Qualified"


async def test_the_status_that_it_has_already_is_no_change_and_no_event(crm):
    made = await crm.lead()
    answer = await crm.call("PATCH", f"/leads/{made['client_id']}/status", {"new_status": "lead - new"})
    assert answer == {"previous_status": "Lead - New", "new_status": "Lead - New", **made}
    assert await crm.events("client.status_changed") == []


@pytest.mark.parametrize("kind", ["lead", "client"])
async def test_add_client_note(crm, kind):
    number = (await getattr(crm, kind)())["client_id"]
    whole = {"text": "Line one\ntwo", "note_type": "Call", "visibility": "client", "external_id": "n"}
    first = await crm.call("POST", f"/clients/{number}/notes", whole, expect=201)
    second = await crm.call("POST", f"/clients/{number}/notes", {"text": "x" * 10_000}, expect=201)
    assert first == {**whole, "client_note_id": first["client_note_id"], "client_id": number} | {
        "created_utc": first["created_utc"]
    }
    assert (second["visibility"], second["note_type"]) == ("internal", None)
    assert UTC.fullmatch(first["created_utc"])
    assert second["client_note_id"] > first["client_note_id"]
    assert [event["type"] for event in await crm.events()] == [f"{kind}.created"]


async def test_create_affiliate(crm):
    made = await crm.affiliate(phone="+1 555-010-2290", affiliate_code="ROSA10", commission_rate=12.5)
    assert made == await crm.call("GET", f"/affiliates/{made['affiliate_id']}")
    assert (made["commission_rate"], made["is_approved_affiliate"]) == (12.5, False)
    assert await only_event(crm, "affiliate.created") == {
        "employee_id": made["affiliate_id"],
        "full_name": "Rosa Bennett",
        "email": "rosa.bennett@example.com",
        "phone": "+1 555-010-2290",
        "is_approved_affiliate": False,
        "created_date": made["created_utc"],
    }


async def test_update_affiliate(crm):
    number = (await crm.affiliate())["affiliate_id"]
    assert (await crm.call("GET", "/lookups/affiliates"))["affiliates"] == []
    changes = {"first_name": "Rosalie", "is_approved_affiliate": True}
    answer = await crm.call("PUT", f"/affiliates/{number}", changes)
    assert answer == {"success": True, **await crm.call("GET", f"/affiliates/{number}")}
    assert (answer["full_name"], answer["is_approved_affiliate"]) == ("Rosalie Bennett", True)
    assert (await crm.call("GET", "/lookups/affiliates"))["affiliates"] == [
        {"affiliate_id": number, "full_name": "Rosalie Bennett"}
    ]
    assert len(await crm.events()) == 1


async def test_what_is_polled_is_pushed_and_valid(running, crm, receiver):
    await running.subscribe(receiver.url)
    employee_id = await crm.employee()
    affiliate_id = (await crm.affiliate(phone="555-010-2290"))["affiliate_id"]
    lead_id = (await crm.lead(affiliate_id=affiliate_id, source="Zapier"))["client_id"]
    await crm.client(employee_id=employee_id, affiliate_id=affiliate_id, phone="+1 555-010-4477")
    change = {"new_status_id": 42, "changed_by_employee_id": employee_id, "status_note": "Signed"}
    await crm.call("PATCH", f"/clients/{lead_id}/status", change)

    polled = await crm.events()
    types = ["affiliate.created", "lead.created", "client.created", "client.status_changed"]
    assert [event["type"] for event in polled] == types
    pushed = [json.loads(request.body) for request in await receiver.wait_for(4)]
    assert sorted(pushed, key=lambda event: event["id"]) == polled
    for event in polled:
        schema = (await running.anonymous.get(f"/schemas/events/{event['type']}.json")).json()
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        jsonschema.Draft202012Validator(schema, format_checker=checker).validate(event["payload"])
