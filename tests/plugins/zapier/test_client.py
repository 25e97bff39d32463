"""The exported app on Zapier's real core, against a running hub, as a person with a Zap uses it."""

import asyncio
import json
import re

import pytest
from tests.example_product import DEFINITIONS, EVENT_TYPES
from tests.programs import output_of

from .core import ENVIRONMENT, HERE, NODE, ZapierRefused
from .review import faults
from .zaps import PEOPLE, as_zapier_hands_on, check_outputs, flattened, use_create, use_trigger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
BY_KEY = {name.replace(".", "_"): event_type for name, event_type in EVENT_TYPES.items()}
ACTIONS, SEARCHES = (
    sorted(definition.name for definition in DEFINITIONS if definition.kind == kind)
    for kind in ("action", "search")
)


def test_the_app_is_valid(shop):
    assert shop.app.handle(command="validate") == []


def test_the_app_is_valid_for_zapier_s_command_line(shop, install_node_packages):
    command = install_node_packages(HERE / "cli") / "node_modules/zapier-platform-cli/src/bin/run"
    judged = output_of(NODE, command, "validate", "--without-style", cwd=shop.app.folder, env=ENVIRONMENT)
    assert "No structural errors found" in judged


def test_the_app_is_in_prettier_s_form(shop):
    prettier = shop.app.folder / "node_modules/prettier/bin/prettier.cjs"
    files = [str(path) for path in shop.app.folder.rglob("*.js") if "node_modules" not in path.parts]
    output_of(NODE, prettier, "--check", *files, cwd=shop.app.folder)


def test_everything_that_the_hub_offers_is_there(shop):
    definition = shop.app.definition()
    visible = {key for key, trigger in definition["triggers"].items() if not trigger["display"].get("hidden")}
    assert visible == {*BY_KEY, "any_event"}
    assert set(definition["creates"]) == set(ACTIONS)
    assert set(definition["searches"]) == set(SEARCHES)
    assert {key: pair["create"] for key, pair in definition["searchOrCreates"].items()} == {
        "find_client": "create_client",
        "find_lead": "create_lead",
    }
    for key in visible:
        assert {"performSubscribe", "performUnsubscribe", "performList"} <= set(
            definition["triggers"][key]["operation"]
        )


def test_the_connection_is_labelled(shop):
    tested = shop.app.run("authentication.test")
    label = shop.app.run("authentication.connectionLabel", inputData=tested)
    assert label == f"My Zaps (company {tested['company_id']})"
    label = shop.app.run("authentication.connectionLabel", inputData=tested | {"environment": "test"})
    assert label == f"My Zaps (company {tested['company_id']}, test)"


@pytest.mark.parametrize("trigger", sorted(BY_KEY))
async def test_a_trigger_from_turning_on_to_turning_off(shop, receiver, trigger):
    event_type = BY_KEY[trigger]
    await use_trigger(shop, trigger, {"type": event_type.name, "payload": event_type.example}, receiver)


async def test_only_events_that_meet_the_form_of_a_trigger_start_the_zap(shop, receiver):
    event_type = BY_KEY["invoice_created"]
    form = shop.app.definition()["triggers"]["invoice_created"]["operation"]["inputFields"]
    assert not any(field.get("required") for field in form)
    asked = {
        "least_amount": "100",
        "only_invoice_status": ["Unpaid", "Failed"],
        "only_description": "",
        "only_client_id": 7,
    }
    assert set(asked) < {field["key"] for field in form}
    hook = shop.app.operation(
        "triggers", "invoice_created", "performSubscribe", targetUrl=receiver.url, inputData=asked
    )
    assert hook["filter"] == {
        "payload.amount": {"gte": 100},
        "payload.invoice_status": {"in": ["Unpaid", "Failed"]},
        "payload.client_id": {"eq": 7},
    }
    for amount, status in ((99.5, "Unpaid"), (200, "Paid"), (100, "Failed")):
        payload = event_type.example | {"amount": amount, "invoice_status": status, "client_id": 7}
        event = {"type": event_type.name, "payload": payload}
        await asyncio.to_thread(shop.call, "POST", "/api/v1/events", json=event)
    (request,) = await receiver.wait_for(1)
    assert json.loads(request.body)["payload"]["amount"] == 100
    samples = shop.app.operation("triggers", "invoice_created", "performList", inputData=asked)
    assert [event["id"] for event in samples] == [json.loads(request.body)["id"]]
    shop.unsubscribe("invoice_created", hook)


def test_what_a_trigger_is_narrowed_by_is_chosen_where_the_schema_has_a_lookup(staffed):
    form = staffed.app.definition()["triggers"]["lead_created"]["operation"]["inputFields"]
    chosen = {field["key"]: field["dynamic"] for field in form if "dynamic" in field}
    assert chosen == {
        "only_status_id": "lookup_client_statuses.status_id.name",
        "only_affiliate_id": "lookup_affiliates.affiliate_id.full_name",
    }
    (status, *_) = staffed.app.operation("triggers", "lookup_client_statuses")
    asked = {"only_status_id": str(status["status_id"])}
    hook = staffed.app.operation(
        "triggers",
        "lead_created",
        "performSubscribe",
        targetUrl="https://hooks.zapier.com/1",
        inputData=asked,
    )
    assert hook["filter"] == {"payload.status_id": {"eq": status["status_id"]}}
    for part in ("performSubscribe", "performList"):
        wrong = {"targetUrl": "https://hooks.zapier.com/1", "inputData": {"only_status_id": "new"}}
        with pytest.raises(ZapierRefused) as refused:
            staffed.app.operation("triggers", "lead_created", part, **wrong)
        assert refused.value.sentence.startswith("Only for Status ID cannot be compared"), part


async def test_any_of_the_chosen_events_starts_a_zap(shop, receiver):
    chosen = {"event_types": ["payment.failed", "lead.created"]}
    (sample, *_) = shop.app.operation("triggers", "any_event", "performList", inputData=chosen)
    assert sample["type"] == "payment.failed"
    declared = shop.app.run("triggers.any_event.operation.outputFields", inputData=chosen)
    keys = {field["key"] for field in declared}
    assert {*flattened(sample)} <= keys
    assert "payload__email" in keys
    assert "payload__invoice_status" not in keys
    hook = shop.app.operation(
        "triggers", "any_event", "performSubscribe", targetUrl=receiver.url, inputData=chosen
    )
    assert (hook["event_types"], hook["filter"]) == (chosen["event_types"], None)
    for key in ("invoice_created", "payment_failed", "lead_created"):
        event = {"type": BY_KEY[key].name, "payload": BY_KEY[key].example}
        await asyncio.to_thread(shop.call, "POST", "/api/v1/events", json=event)
    requests = await receiver.wait_for(2)
    pushed = [
        shop.app.operation("triggers", "any_event", subscribeData=hook, **as_zapier_hands_on(request))[0]
        for request in requests
    ]
    assert sorted(event["type"] for event in pushed) == ["lead.created", "payment.failed"]
    shop.unsubscribe("any_event", hook)


@pytest.mark.parametrize("action", sorted({*ACTIONS} - {"delete_client_note", "restore_client"}))
def test_an_action_with_every_field_filled_in(staffed, action):
    use_create(staffed, action)


def test_a_note_is_listed_and_deleted(staffed):
    note = use_create(staffed, "add_client_note")
    chosen = {"client_id": note["client_id"]}
    assert staffed.app.operation("searches", "list_client_notes", inputData=chosen) == [note]
    deleted = staffed.app.operation(
        "creates", "delete_client_note", inputData=chosen | {"client_note_id": note["client_note_id"]}
    )
    check_outputs(staffed.app.definition()["creates"]["delete_client_note"]["operation"], deleted)
    assert staffed.app.operation("searches", "list_client_notes", inputData=chosen) == []


def test_a_field_is_cleared_where_that_is_chosen_and_stays_where_it_is_left_empty(staffed):
    asked = {
        "first_name": "Ada",
        "last_name": "Roe",
        "email": "ada@example.com",
        "phone": "+1 555-010-4477",
        "city": "Bonn",
    }
    made = staffed.app.operation("creates", "create_client", inputData=asked)
    changes = {"client_id": made["client_id"], "phone": "", "city": "", "clear_fields": ["phone"]}
    updated = staffed.app.operation("creates", "update_client", inputData=changes)
    assert (updated["phone"], updated["city"]) == (None, "Bonn")
    both = changes | {"city": "Ulm", "clear_fields": ["city"]}
    assert staffed.app.operation("creates", "update_client", inputData=both)["city"] == "Ulm"


def test_a_client_is_archived_and_restored(staffed):
    asked = {"first_name": "Ari", "last_name": "Fox", "email": "ari@example.com"}
    chosen = {"client_id": staffed.app.operation("creates", "create_client", inputData=asked)["client_id"]}
    staffed.app.operation("creates", "archive_client", inputData=chosen)
    assert staffed.app.operation("searches", "get_client", inputData=chosen) == []
    restored = staffed.app.operation("creates", "restore_client", inputData=chosen)
    check_outputs(staffed.app.definition()["creates"]["restore_client"]["operation"], restored)
    assert len(staffed.app.operation("searches", "get_client", inputData=chosen)) == 1


@pytest.mark.parametrize("search", [search for search in SEARCHES if search.startswith("get_")])
def test_a_record_is_got_by_its_number(staffed, search):
    operation = staffed.app.definition()["searches"][search]["operation"]
    (field,) = operation["inputFields"]
    (record,) = staffed.app.operation("searches", search, inputData=staffed.fill_in("searches", search))
    check_outputs(operation, record)
    assert staffed.app.operation("searches", search, inputData={field["key"]: 999_999}) == []
    with pytest.raises(ZapierRefused, match=r"is empty\. Choose one from the list"):
        staffed.app.operation("searches", search, inputData={})


def test_a_list_gives_several_records_page_by_page(shop):
    for number in range(203):
        lead = {"first_name": "Lead", "last_name": f"No. {number}", "email": f"{number}@example.com"}
        shop.call("POST", f"{PEOPLE}/leads", json=lead)
    operation = shop.app.definition()["searches"]["list_leads"]["operation"]
    assert [field["key"] for field in operation["inputFields"]][-1] == "limit"

    def listed(**asked: object) -> list[int]:
        records = shop.app.operation("searches", "list_leads", inputData=asked)
        check_outputs(operation, records[0])
        return [record["client_id"] for record in records]

    everything = listed(limit=1000)
    assert everything == sorted(set(everything), reverse=True)
    assert (len(everything), listed(), listed(limit="202")) == (203, everything[:50], everything[:202])
    assert len(listed(q="No. 17")) == 11
    with pytest.raises(ZapierRefused, match="must be one of 'Lead - New'"):
        listed(status="Gone")


@pytest.mark.parametrize("search", [search for search in SEARCHES if search.startswith("find_")])
def test_a_search_finds_or_finds_nothing(staffed, search):
    operation = staffed.app.definition()["searches"][search]["operation"]
    asked = staffed.fill_in("searches", search)
    (record,) = staffed.app.operation("searches", search, inputData=asked)
    check_outputs(operation, record)
    assert staffed.app.operation("searches", search, inputData=asked | {"email": "no@example.com"}) == []


@pytest.mark.parametrize(
    ("dropdown", "count"),
    [
        ("lookup_affiliates", 1),
        ("lookup_client_statuses", 7),
        ("lookup_client_statuses_is_lead_false", 4),
        ("lookup_client_statuses_is_lead_true", 3),
        ("lookup_clients", 1),
        ("lookup_employees", 1),
    ],
)
def test_a_dropdown_lists_what_there_is(staffed, dropdown, count):
    items = staffed.app.operation("triggers", dropdown)
    assert len(items) == len({item["id"] for item in items}) == count
    assert staffed.app.operation("triggers", dropdown, meta={"page": 1}) == []


def test_every_dropdown_is_tried(shop):
    hidden = {
        key for key, trigger in shop.app.definition()["triggers"].items() if trigger["display"].get("hidden")
    }
    (marker,) = test_a_dropdown_lists_what_there_is.pytestmark  # type: ignore[attr-defined]
    assert hidden == {dropdown for dropdown, _ in marker.args[1]}


def test_a_long_dropdown_goes_on_page_by_page(shop):
    with shop.hub.client() as client:
        for number in range(205):
            lead = {"first_name": "Lead", "last_name": f"No. {number}", "email": f"{number}@example.com"}
            path = f"{PEOPLE}/leads"
            assert client.post(path, json=lead, headers={"X-Api-Key": shop.app.key}).status_code == 201
    pages = [shop.app.operation("triggers", "lookup_clients", meta={"page": page}) for page in range(3)]
    assert [len(page) for page in pages] == [200, 5, 0]
    assert len({item["id"] for page in pages for item in page}) == 205


def test_both_ways_of_find_or_create_give_the_same_fields(staffed):
    definition = staffed.app.definition()
    for key, pair in definition["searchOrCreates"].items():
        find, create = definition["searches"][key], definition["creates"][pair["create"]]
        fields = [{field["key"] for field in kind["operation"]["outputFields"]} for kind in (find, create)]
        assert fields[0] == fields[1]
    asked = {"first_name": "Luis", "last_name": "Ortega", "email": "luis@example.com"}
    made = staffed.app.operation("creates", "create_lead", inputData=asked)
    assert staffed.app.operation("searches", "find_lead", inputData={"email": "luis@example.com"}) == [made]


def test_what_a_reviewer_reads(shop):
    definition = shop.app.definition()
    failed = definition["triggers"]["payment_failed"]
    assert (failed["noun"], failed["display"]["description"]) == ("Payment", "Triggers when a payment fails.")
    for trigger in definition["triggers"].values():
        if not trigger["display"].get("hidden"):
            assert re.fullmatch(r"Triggers when [^._]+\.", trigger["display"]["description"])
    (key,) = definition["authentication"]["fields"]
    assert "](https://" in key["helpText"]
    for kind in ("creates", "searches"):
        for operation in definition[kind].values():
            lists = [
                field["dynamic"] for field in operation["operation"]["inputFields"] if "dynamic" in field
            ]
            assert len(lists) == len(set(map(str, lists)))
            if operation["key"].startswith("update_"):
                assert not any("default" in field for field in operation["operation"]["inputFields"])


def test_the_checks_that_zapier_publishes_find_nothing(shop):
    definition = shop.app.definition()
    assert faults(definition) == []
    broken = json.loads(json.dumps(definition))
    trigger = broken["triggers"]["payment_failed"]
    trigger["display"] = {"label": "payment failed", "description": "A payment, see https://x.example"}
    trigger["operation"]["sample"] = {"at": "2026-01-28T10:30:00"}
    broken["creates"]["create_lead"]["operation"]["inputFields"].append({"key": "apiKey", "label": "Key"})
    assert {fault.partition(":")[0] for fault in faults(broken)} == {
        "d001",
        "d008",
        "d010",
        "d018",
        "d021",
        "d023",
    }


def test_what_is_left_empty_is_not_sent(staffed):
    asked = dict.fromkeys(staffed.fill_in("creates", "create_lead"), "")
    asked |= {"first_name": "Luis", "last_name": "Ortega", "email": "luis@example.com"}
    made = staffed.app.operation("creates", "create_lead", inputData=asked)
    (client,) = staffed.app.operation(
        "searches", "find_lead", inputData={"email": "luis@example.com", "phone": ""}
    )
    assert (client["client_id"], client["phone"], client["affiliate_id"]) == (made["client_id"], None, None)
