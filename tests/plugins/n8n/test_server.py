"""The generated package in a real n8n server, against a running hub, as a person with workflows uses it.

The test knows no operation of the catalogue: it runs each with the example of the operation's definition.
"""

import base64
import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook
from tests.payloads import PAID
from tests.plugins.n8n.products import installed_product
from tests.plugins.n8n.server import N8n, node, outputs
from tests.waiting import wait_for

from trunkline import Definition
from trunkline.pages import Field
from trunkline_n8n.fields import parameter_name
from trunkline_n8n.lookups import is_prominent
from trunkline_n8n.operations import resource_of
from trunkline_n8n.texts import camel_case

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
HOOKS = "/api/v1/n8n/hooks"
PEOPLE = "/api/v1/integrations"
TRIGGER = "n8n-nodes-wlcro.wlcroTrigger"
POLLING = "n8n-nodes-wlcro.wlcroPollingTrigger"
ACTION = "n8n-nodes-wlcro.wlcro"
PUSHED = '{"id":1}'
JSON = {"content-type": "application/json"}
OFTEN = {
    "pollTimes": {
        "item": [{"mode": "custom", "cronExpression": f"{second} * * * * *"} for second in range(0, 60, 10)]
    }
}
"""Every ten seconds: n8n refuses a schedule of less than a minute, and takes several."""
START = node("Start", "n8n-nodes-base.manualTrigger", {})
PRODUCT = installed_product()
OPERATIONS = {definition.name: definition for definition in (*PRODUCT.actions, *PRODUCT.searches)}


@dataclasses.dataclass
class Office:
    """A hub, an n8n with the hub's package, and the credential by which n8n calls the hub."""

    hub: Any
    n8n: N8n
    credential: dict[str, Any]
    kept: str = ""
    """The id of a workflow that several tests use."""

    def emit(self, number: int) -> dict[str, Any]:
        event = {"type": "payment.succeeded", "payload": PAID | {"payment_id": number}}
        return dict(self.hub.call("POST", "/api/v1/events", json=event))

    def make_triggered(self, name: str, kind: str, *event_types: str, **parameters: Any) -> str:
        """Make a workflow that a trigger of our package starts; return its id."""
        chosen = {"eventTypes": list(event_types)} | parameters
        return self.n8n.make_workflow(
            name,
            node(name, kind, chosen, self.credential),
            node("End", "n8n-nodes-base.noOp", {}),
            links={name: ["End"]},
        )

    def received(self, workflow_id: str) -> list[Any]:
        """Give the final outputs of a workflow's executions, oldest first; executions that did not reach the end are left out."""
        executions = reversed(self.n8n.executions(workflow_id))
        ended = [execution for execution in executions if "End" in execution["data"]["resultData"]["runData"]]
        return [output for execution in ended for output in outputs(execution, "End")]

    def hooks(self) -> list[Any]:
        return list(self.hub.call("GET", HOOKS)["hooks"])

    def run(self, name: str, *nodes: Mapping[str, Any]) -> dict[str, Any]:
        """Run nodes side by side; return the execution."""
        workflow = self.n8n.make_workflow(
            name, START, *nodes, links={"Start": [node["name"] for node in nodes]}
        )
        return self.n8n.run(workflow, start="Start")

    def operation(
        self, definition: Definition, values: Mapping[str, Any], *, name: str = ""
    ) -> dict[str, Any]:
        """Describe an action node whose form is filled in with *values*."""
        choice = {"resource": camel_case(resource_of(definition)), "operation": camel_case(definition.name)}
        filled = {"simplify": False} | fill_in(definition, values)
        more = {"onError": "continueRegularOutput"}
        return node(name or definition.name, ACTION, choice | filled, self.credential, **more)

    def create(self, path: str, **values: Any) -> dict[str, Any]:
        return dict(self.hub.call("POST", f"{PEOPLE}/{path}", json=values))

    def find(self, **query: Any) -> dict[str, Any]:
        [client] = self.hub.call("GET", f"{PEOPLE}/clients/search", params=query)["results"]
        return dict(client)


def fill_in(definition: Definition, values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the form of an operation: the fields that are always shown, and the fields added from the collection."""
    parameters: dict[str, Any] = {}
    collected: dict[str, Any] = {}
    for field in PRODUCT.form(definition):
        if field.name in values:
            value = values[field.name]
            if not is_prominent(definition, field):
                collected[parameter_name(field)] = value
            elif field.reference is None:
                parameters[parameter_name(field)] = value
            else:
                parameters[parameter_name(field)] = {"__rl": True, "mode": "id", "value": str(value)}
    collections = {"POST": "additionalFields", "PATCH": "updateFields", "GET": "filters"}
    return parameters | ({collections[definition.method]: collected} if collected else {})


@pytest.fixture(scope="module")
def office(served_hub: Any, n8n_tools: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    change_hub(served_hub, TRUNKLINE_DELIVERY__RETRY_SCHEDULE_SECONDS=",".join(["1"] * 300))
    package = tmp_path_factory.mktemp("package") / "n8n-nodes-wlcro"
    served_hub.run("export", "n8n", str(package))
    n8n_tools.build(package)
    with N8n(tmp_path_factory.mktemp("n8n"), package) as n8n:
        n8n.start()
        n8n.set_up()
        credential = n8n.make_credential("wlcroApi", {"apiKey": served_hub.key, "baseUrl": served_hub.url})
        yield Office(served_hub, n8n, credential)


def change_hub(hub: Any, **environment: str) -> None:
    hub.stop()
    hub.environment = hub.environment | environment
    hub.start()


@pytest.mark.parametrize("publication", ["true", "false"], ids=["published-later", "published-at-once"])
def test_a_trigger_subscribes_receives_what_is_signed_and_unsubscribes(office, publication):
    if publication == "false":
        office.n8n.stop()
        office.n8n.start(N8N_USE_WORKFLOW_PUBLICATION_SERVICE="false")
    workflow = office.make_triggered(f"Signed {publication}", TRIGGER, "payment.succeeded")
    office.n8n.activate(workflow)
    [hook] = wait_for("the hub has the hook", office.hooks)
    assert hook["event_types"] == ["payment.succeeded"]

    body = {"target_url": hook["target_url"], "event_types": ["payment.succeeded"]}
    secret = office.hub.call("POST", HOOKS, json=body)["secret"]
    now = datetime.now(UTC)
    for forged in (
        {},
        signature(secret, now - timedelta(minutes=6)),
        signature(secret, now + timedelta(minutes=6)),
        signature("whsec_" + base64.b64encode(b"k" * 32).decode(), now),
        signature(secret, now) | {"webhook-id": "2"},
    ):
        refused = office.n8n.client.post(hook["target_url"], content=PUSHED, headers=JSON | forged)
        assert refused.status_code == 401
    event = office.emit(1)
    assert wait_for("the workflow ran", lambda: office.received(workflow)) == [event]
    assert len(office.n8n.executions(workflow)) == 1

    office.n8n.deactivate(workflow)
    wait_for("the hook has gone", lambda: not office.hooks())


def test_only_events_that_meet_the_filters_of_a_trigger_start_the_workflow(office):
    filters = {"onlyPaymentId": 9, "onlyPaymentMethod": "", "leastDatePaid": "2026-01-28T00:00:00.000Z"}
    workflow = office.make_triggered(
        "Filtered", TRIGGER, "payment.succeeded", "lead.created", filters=filters
    )
    looking = {"filters": filters, **OFTEN}
    polled = office.make_triggered("Looked for", POLLING, "payment.succeeded", "lead.created", **looking)
    for one in (workflow, polled):
        office.n8n.activate(one)
    [hook] = wait_for("the hub has the hook", office.hooks)
    paths = [set(clause) for one in hook["filter"]["all"] for clause in one["any"]]
    assert sorted(map(sorted, paths)) == [["payload.date_paid"]] * 2 + [["payload.payment_id"]] * 2
    office.emit(11)
    office.create("leads", first_name="Jo", last_name="Doe", email="filtered@example.com")
    event = office.emit(9)
    received = wait_for(
        "both came", lambda: len(office.received(workflow)) == 2 and office.received(workflow)
    )
    assert sorted(one["type"] for one in received) == ["lead.created", "payment.succeeded"]
    assert event in received
    found = wait_for("it looked", lambda: office.received(polled), seconds=150)
    assert sorted(one["id"] for one in found) == sorted(one["id"] for one in received)
    for one in (workflow, polled):
        office.n8n.deactivate(one)
    wait_for("the hook has gone", lambda: not office.hooks())


def signature(secret: str, moment: datetime) -> dict[str, str]:
    """Sign a push by the specification's own library; return the headers."""
    signed = Webhook(secret).sign("1", moment, PUSHED)
    return {"webhook-id": "1", "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signed}


def test_other_events_and_a_lost_hook_are_put_right_when_a_workflow_is_activated_again(office):
    name = "Changed"
    workflow = office.make_triggered(name, TRIGGER, "payment.succeeded", "lead.created")
    office.n8n.activate(workflow)
    [first] = wait_for("the hub has the hook", office.hooks)
    office.hub.call("DELETE", f"{HOOKS}/{first['id']}")
    office.n8n.deactivate(workflow)  # finds no hook, which is fine as well

    changed = office.n8n.call("GET", f"/api/v1/workflows/{workflow}")
    changed["nodes"][0]["parameters"]["eventTypes"] = ["lead.created", "*"]
    kept = {field: changed[field] for field in ("name", "nodes", "connections", "settings")}
    office.n8n.call("PUT", f"/api/v1/workflows/{workflow}", json=kept)
    office.n8n.activate(workflow)
    [second] = wait_for("the hub has the hook", office.hooks)
    assert second["event_types"] == ["*"]
    office.n8n.deactivate(workflow)
    wait_for("the hook has gone", lambda: not office.hooks())


def test_nothing_is_lost_while_n8n_or_the_hub_is_away(office):
    office.n8n.stop()
    office.n8n.start(N8N_USE_WORKFLOW_PUBLICATION_SERVICE="true")
    pushed = office.make_triggered("Pushed", TRIGGER, "payment.succeeded")
    polled = office.make_triggered("Polled", POLLING, "payment.succeeded", **OFTEN)
    before = office.emit(1)
    for workflow in (pushed, polled):
        office.n8n.activate(workflow)
    [hook] = wait_for("the hub has the hook", office.hooks)
    events = [office.emit(2)]
    wait_for("the push arrived", lambda: office.received(pushed) == events)

    office.n8n.stop()
    events.append(office.emit(3))
    office.n8n.start()
    for workflow in (pushed, polled):
        wait_for("n8n has it", lambda workflow=workflow: office.received(workflow) == events, seconds=90)

    office.hub.stop()
    office.hub.start()
    events.append(office.emit(4))
    for workflow in (pushed, polled):
        wait_for("n8n has it", lambda workflow=workflow: office.received(workflow) == events, seconds=90)
    assert office.hooks() == [hook]
    assert before not in office.received(polled)
    for workflow in (pushed, polled):
        office.n8n.deactivate(workflow)
    wait_for("the hook has gone", lambda: not office.hooks())


def test_a_polling_trigger_shows_samples_while_a_workflow_is_built(office):
    workflow = office.make_triggered("Samples", POLLING, "invoice.created", "payment.failed")
    events = outputs(office.n8n.run(workflow, start="Samples"), "End")
    assert [event["type"] for event in events] == ["invoice.created", "payment.failed"]
    assert (
        events[0]["payload"]
        == PRODUCT.event_types[
            [event_type.name for event_type in PRODUCT.event_types].index("invoice.created")
        ].example
    )


def test_samples_meet_the_filters_that_their_type_has(office):
    event = office.emit(31)
    office.emit(32)
    kinds = ("payment.succeeded", "lead.created")
    workflow = office.make_triggered("Narrow", POLLING, *kinds, filters={"onlyPaymentId": 31})
    events = outputs(office.n8n.run(workflow, start="Narrow"), "End")
    assert (events[0], events[1]["type"]) == (event, "lead.created")


def test_a_credential_is_tested(office):
    def tested(key: str) -> str:
        data = {"apiKey": key, "baseUrl": f"{office.hub.url}/"}
        credential = {"id": "", "name": "Tested", "type": "wlcroApi", "data": data}
        asked = {"credentials": credential}
        return str(office.n8n.call("POST", "/rest/credentials/test", json=asked)["data"]["status"])

    assert tested(office.hub.key) == "OK"
    assert tested(f"{office.hub.key[:-1]}-") == "Error"


def test_every_operation_does_what_the_api_does(office):
    people = make_people(office)
    values = {name: example_values(operation, people) for name, operation in OPERATIONS.items()}
    nodes = [office.operation(operation, values[name]) for name, operation in OPERATIONS.items()]
    get = office.operation(OPERATIONS["get_client"], values["get_client"], name="Simple")
    del get["parameters"]["simplify"]
    execution = office.run("Operations", *nodes, get)
    [whole], [simple] = outputs(execution, "get_client"), outputs(execution, "Simple")
    assert len(simple) == 10 < len(whole)
    assert simple == {name: whole[name] for name in simple}
    for name, definition in OPERATIONS.items():
        if definition.is_paged:
            records = outputs(execution, name)
            assert len(records) == len({json.dumps(record) for record in records}) > 0
            assert all(
                set(record) == {field.name for field in PRODUCT.records(definition).fields}
                for record in records
            )
            continue
        [output] = outputs(execution, name)
        if definition.is_single:
            path = definition.path.format(**values[name])
            assert output == office.hub.call("GET", f"{PEOPLE}{path}")
        elif definition.kind == "search":
            assert output == office.find(client_id=people[name]["clients"])
        elif definition.method == "DELETE":
            assert output == {"deleted": True}
        else:
            assert set(output) == set(definition.output["properties"]), (name, output)
    for name in ("create_lead", "create_client", "update_lead", "update_client"):
        sent = values[name]
        [output] = outputs(execution, name)
        record = office.find(client_id=output["client_id"])
        shared = set(sent) & set(record)
        assert {field: record[field] for field in shared} == {field: sent[field] for field in shared}
        assert len(shared) > 4


def make_people(office: Office) -> dict[str, dict[str, Any]]:
    """Make the records that the operations' examples need; return, by operation, the choices from each lookup."""
    employee = office.hub.call("POST", f"{PEOPLE}/employees", json={"full_name": "Maria Lopez"})[
        "employee_id"
    ]
    people: dict[str, dict[str, Any]] = {}
    for name, definition in OPERATIONS.items():
        noun = "leads" if definition.path.startswith("/leads") else "clients"
        known = {"first_name": "Jo", "last_name": "Doe", "email": f"{name}@example.com"}
        if definition.kind == "search":
            arguments = definition.examples[0].input
            known |= {field: arguments[field] for field in ("email", "phone") if field in arguments}
            known["external_id"] = name
        affiliate = office.create(
            "affiliates", first_name="Rosa", last_name="Bennett", email=f"{name}@a.example"
        )
        people[name] = {
            "clients": office.create(noun, **known)["client_id"],
            "employees": employee,
            "affiliates": affiliate["affiliate_id"],
        }
        if "note" in name:
            note = {"text": "Called."}
            made = office.hub.call("POST", f"{PEOPLE}/clients/{people[name]['clients']}/notes", json=note)
            people[name]["notes"] = made["client_note_id"]
        office.hub.call(
            "PATCH", f"{PEOPLE}/affiliates/{affiliate['affiliate_id']}", json={"is_approved_affiliate": True}
        )
    return people


def example_values(definition: Definition, people: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    example = definition.examples[0]
    chosen = people[definition.name]

    def adapt(field: Field, value: Any) -> Any:
        if field.name == "client_note_id":
            return chosen["notes"]
        if definition.name == "restore_client":
            return chosen["clients"]
        if field.name == "external_id":
            return definition.name if definition.kind == "search" else f"new-{definition.name}"
        return chosen.get(field.reference.lookup.name, value) if field.reference else value

    arguments = example.parameters if definition.is_paged else example.parameters | example.input
    return {
        field.name: adapt(field, arguments[field.name])
        for field in PRODUCT.form(definition)
        if field.name in arguments
    }


def test_what_is_left_empty_is_left_out_and_null_clears(office):
    client = office.create(
        "clients", first_name="Jo", last_name="Doe", email="jo@e.example", phone="5550104477"
    )
    update = OPERATIONS["update_client"]
    number = client["client_id"]
    values = {"client_id": number, "first_name": "", "last_name": "Roe", "phone": "={{ null }}"}
    office.run("Empty", office.operation(update, values))
    record = office.find(client_id=number)
    assert (record["first_name"], record["last_name"], record["phone"]) == ("Jo", "Roe", None)

    affiliate = office.create(
        "affiliates", first_name="Rosa", last_name="Bennett", email="rosa@a.example", commission_rate=12.5
    )
    cleared = {"affiliate_id": affiliate["affiliate_id"], "commission_rate": "={{ null }}"}
    execution = office.run("Cleared", office.operation(OPERATIONS["update_affiliate"], cleared))
    [output] = outputs(execution, "update_affiliate")
    assert output["success"] is True, output


def test_the_node_after_a_search_gets_the_data_of_its_own_item(office):
    for name in ("Ada", "Bob"):
        office.create("leads", first_name=name, last_name="Pair", email=f"{name.lower()}@pair.example")
    rows = [{"mail": f"{name}@pair.example"} for name in ("ada", "nobody", "bob")]
    split = node(
        "Rows",
        "n8n-nodes-base.code",
        {"jsCode": f"return {json.dumps(rows)}.map((json) => ({{json}}))"},
        typeVersion=2,
    )
    find = office.operation(OPERATIONS["find_lead"], {"email": "={{ $json.mail }}"}, name="Find")
    show = node(
        "Show",
        "n8n-nodes-base.set",
        {"mode": "raw", "jsonOutput": '={{ {"own": $("Rows").item.json.mail, "found": $json.email} }}'},
        typeVersion=3.4,
    )
    links = {"Start": ["Rows"], "Rows": ["Find"], "Find": ["Show"]}
    workflow = office.n8n.make_workflow("Pairs", START, split, find, show, links=links)
    pairs = outputs(office.n8n.run(workflow, start="Start"), "Show")
    assert pairs == [{"own": mail, "found": mail} for mail in ("ada@pair.example", "bob@pair.example")]


def test_a_refusal_is_told_with_the_sentence_of_the_api(office):
    values = {"first_name": "Jo", "last_name": "Doe", "email": "nobody"}
    create = OPERATIONS["create_lead"]
    with office.hub.client() as client:
        refused = client.post(f"{PEOPLE}/leads", json=values).json()
    error = error_of(office.run("Refused", office.operation(create, values)), create.name)
    assert error["message"] == refused["form_detail"]
    assert error["message"].startswith("Email must be an email address")

    change_hub(office.hub, TRUNKLINE_LIMITS__ENABLED="true", TRUNKLINE_LIMITS__WRITE="1/minute")
    good = [
        office.operation(create, values | {"email": f"jo{n}@e.example"}, name=f"lead {n}") for n in range(3)
    ]
    execution = office.run("Limited", *good)
    change_hub(office.hub, TRUNKLINE_LIMITS__ENABLED="false")
    limited = error_of(execution, "lead 2")
    assert "Try again in" in limited["description"], limited


def error_of(execution: Mapping[str, Any], name: str) -> Any:
    run = execution["data"]["resultData"]["runData"][name][0]
    return run["error"] if "error" in run else run["data"]["main"][0][0]["error"]


def test_lists_are_searched_scrolled_and_filtered(office):
    for number in range(205):
        office.create(
            "clients", first_name="Page", last_name=f"N{number:03}", email=f"page{number}@e.example"
        )

    def ask(what: str, method: str, **more: Any) -> Any:
        kind = {"name": ACTION, "version": 1}
        asked = {"path": "", "nodeTypeAndVersion": kind, "currentNodeParameters": {}, "methodName": method}
        return office.n8n.call(
            "POST",
            f"/rest/dynamic-node-parameters/{what}",
            json=asked | {"credentials": office.credential} | more,
        )["data"]

    def search(method: str, **more: Any) -> Any:
        return ask("resource-locator-results", method, **more)

    first = search("searchClients", filter="page n")
    assert len(first["results"]) == 200
    second = search("searchClients", filter="page n", paginationToken=first["paginationToken"])
    names = {option["name"] for option in (*first["results"], *second["results"])}
    assert {f"Page N{number:03}" for number in range(205)} <= names
    leads = search("searchClientStatusesWhereIsLeadTrue")["results"]
    assert {"name": "Lead - New", "value": 10} in leads
    assert not any(option["name"].startswith("Client") for option in leads)
    clients = ask("options", "getClientStatusesWhereIsLeadFalse")
    assert {"name": "Client - Active", "value": 42} in clients
    assert not any(option["name"].startswith("Lead") for option in clients)


def test_an_agent_may_use_it_as_a_tool(office):
    kinds = {option["name"] for option in office.n8n.call("GET", "/types/nodes.json")}
    assert f"{ACTION}Tool" in kinds
