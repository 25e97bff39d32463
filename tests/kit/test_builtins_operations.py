"""The built-in actions, searches and lookups pass the checks for third-party ones."""

import itertools

import pytest

from trunkline_kit.suites.action import ActionConformance
from trunkline_kit.suites.call_requests import Request
from trunkline_kit.suites.search import SearchConformance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BASE = "/api/v1/integrations"
NUMBERS = itertools.count(1)
NEW_STATUS = {"update_lead_status": "Lead - Contacted", "update_client_status": "Client - On Hold"}


async def made(hub, path: str, body: dict) -> dict:
    answer = await hub.client.post(f"{BASE}/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def person(hub, kind: str) -> tuple[int, dict]:
    """Make a lead, a client or an affiliate; return its number and its fields."""
    number = next(NUMBERS)
    body = {
        "first_name": f"Jane{number}",
        "last_name": "Doe",
        "email": f"jane{number}@example.com",
        "external_id": f"ext-{number}",
    }
    record = await made(hub, kind, body)
    return record["affiliate_id" if kind == "affiliates" else "client_id"], body


class TestCrmActions(ActionConformance):
    plugin = "crm"

    async def request_for(self, hub, definition):
        kind = definition.path.split("/")[1]
        if definition.name.startswith("create_"):
            return Request({}, dict(definition.examples[-1].input) | {"external_id": f"new-{next(NUMBERS)}"})
        number, _ = await person(hub, kind)
        if definition.name == "delete_client_note":
            note = await made(hub, f"clients/{number}/notes", {"text": "Called."})
            return Request({"client_id": number, "client_note_id": note["client_note_id"]}, {})
        if definition.name in {"archive_client", "restore_client"}:
            return Request({"client_id": number}, {})
        parameters = {"affiliate_id" if kind == "affiliates" else "client_id": number}
        if definition.name in NEW_STATUS:
            return Request(parameters, {"new_status": NEW_STATUS[definition.name]})
        fields = {"text": "Called."} if definition.name == "add_client_note" else {"first_name": "Joan"}
        return Request(parameters, fields)


class TestCrmSearches(SearchConformance):
    plugin = "crm"
    common = ("client-statuses",)
    client_id = 0

    async def request_for(self, hub, definition):
        if definition.name == "list_client_notes":
            self.client_id = self.client_id or (await person(hub, "clients"))[0]
            await made(hub, f"clients/{self.client_id}/notes", {"text": "Called."})
            return Request({"client_id": self.client_id}, {})
        if definition.name.startswith(("get_", "list_")):
            kind = definition.path.split("/")[1]
            number, _ = await person(hub, kind)
            parameters = dict.fromkeys(definition.parameters["properties"], number)
            return Request(parameters, {})
        if definition.kind == "search":
            _, body = await person(hub, "leads")
            return Request({}, {"email": body["email"], "external_id": body["external_id"]})
        if definition.name == "employees":
            await made(hub, "employees", {"full_name": f"Maria {next(NUMBERS)}"})
        elif definition.name == "affiliates":
            number, _ = await person(hub, "affiliates")
            await hub.client.patch(f"{BASE}/affiliates/{number}", json={"is_approved_affiliate": True})
        else:
            await person(hub, "clients")
        return Request({}, {})
