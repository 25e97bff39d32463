"""The exported app, executed by our interpreter (``interpreter/README.md``) against a running hub."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.payloads import PAID, TEN
from tests.programs import shop_program

from trunkline_kit.receiver import Receiver

from .interpreter import ERASE, App, FormRefused, MakeError, Poller, Webhook

ROOT = Path(__file__).parents[3]
SCOPES = ("events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write", "admin")
JANE = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def export_of(hub: Any, folder: Path, **settings: str) -> App:
    environment = hub.environment | {"TRUNKLINE_SERVER__PUBLIC_URL": hub.url} | settings
    dataclasses.replace(hub, environment=environment).run("export", "make", str(folder))
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }
    return App(files)


def exported(hub: Any, folder: Path) -> App:
    app = export_of(hub, folder)
    app.connect(api_key=hub.key)
    return app


@pytest.fixture(scope="module")
def app(served_hub: Any, tmp_path_factory: pytest.TempPathFactory) -> App:
    return exported(served_hub, tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def operator(served_hub: Any) -> Any:
    key = served_hub.make_key(company_id=None, name="back end")
    return dataclasses.replace(served_hub, key=key)


def key_of(operator: Any, company_id: int, *scopes: str) -> str:
    made = operator.call(
        "POST", "/api/v1/keys", json={"company_id": company_id, "name": "test", "scopes": scopes}
    )
    return str(made["key"])


@pytest.fixture(scope="module")
def other_company(operator: Any, app: App) -> tuple[Any, App]:
    """Make a company without events: the hub with its key, and the app connected with it."""
    hub = dataclasses.replace(operator, key=key_of(operator, 93, *SCOPES))
    return hub, App(app.files, {"api_key": hub.key})


@pytest.fixture(scope="module")
def people(served_hub: Any) -> dict[str, int]:
    """Make a record of each kind by the API; return the ids."""
    call = served_hub.call
    base = "/api/v1/integrations"
    return {
        "employee": call("POST", f"{base}/employees", json={"full_name": "Maria Lopez"})["employee_id"],
        "affiliate": call("POST", f"{base}/affiliates", json=JANE | {"email": "rosa@example.com"})[
            "affiliate_id"
        ],
        "lead": call("POST", f"{base}/leads", json=JANE | {"email": "lead@example.com"})["client_id"],
        "client": call("POST", f"{base}/clients", json=JANE | {"email": "client@example.com"})["client_id"],
    }


def emit(hub: Any, amount: str = "12.5", **more: Any) -> dict[str, Any]:
    """Have the hub accept a payment; *amount* keeps its digits."""
    payload = PAID | {"payment_amount": "AMOUNT"}
    body = json.dumps({"type": "payment.succeeded", "payload": payload} | more).replace('"AMOUNT"', amount)
    event: dict[str, Any] = hub.call("POST", "/api/v1/events", content=body)
    return event


def in_make(event: dict[str, Any]) -> dict[str, Any]:
    """Give a payment as a trigger outputs it, with its dates parsed."""
    payload = event["payload"]
    parsed = {"date_paid": datetime.fromisoformat(payload["date_paid"])}
    return event | {"createdUtc": datetime.fromisoformat(event["createdUtc"]), "payload": payload | parsed}


def test_the_connection_is_named_after_the_key(served_hub, app):
    made = app.connect(api_key=served_hub.key)
    assert made == {"uid": 92, "label": "test (company 92)"}


def test_a_connection_to_the_test_environment_is_another_one_and_says_so(served_hub, tmp_path):
    key = served_hub.run(
        "keys",
        "create",
        "--company",
        "92",
        "--environment",
        "test",
        "--name",
        "test",
        "--scope",
        "events:read",
    )
    made = exported(served_hub, tmp_path).connect(api_key=key)
    assert made == {"uid": "test-92", "label": "test (company 92, test)"}


def test_a_wrong_key_is_told_before_anything_else(app):
    with pytest.raises(MakeError) as caught:
        App(app.files).connect(api_key="wlcro_live_92_nonsense")
    assert caught.value.type == "InvalidAccessTokenError"
    assert caught.value.message.startswith("[401] ")


def test_an_operator_s_key_is_refused(operator, app):
    with pytest.raises(MakeError, match="belongs to no company") as caught:
        App(app.files).connect(api_key=operator.key)
    assert caught.value.type == "InvalidConfigurationError"


def test_a_key_that_was_revoked_later_is_told_by_the_module(app):
    broken = App(app.files, {"api_key": "wlcro_live_92_nonsense"})
    with pytest.raises(MakeError) as caught:
        broken.run("findClient", email="x@example.com")
    assert caught.value.type == "InvalidAccessTokenError"


def test_a_key_without_the_scope_is_told_which_one_it_needs(operator, app):
    reader = App(app.files, {"api_key": key_of(operator, 92, "events:read")})
    with pytest.raises(MakeError, match="integrations:write") as caught:
        reader.run("createLead", **JANE)
    assert caught.value.type == "InvalidConfigurationError"


def actions(people: dict[str, int]) -> dict[str, tuple[dict[str, Any], set[str]]]:
    """Give for each action the values of its form, and some fields of its answer: records are complete."""
    client, lead = people["client"], people["lead"]
    updated = {"success", "client_id", "updated_utc"}
    changed = {"previous_status", "new_status", "updated_utc"}
    return {
        "createLead": (
            JANE | {"affiliate_id": str(people["affiliate"])},
            {"client_id", "status", "created_utc"},
        ),
        "createClient": (JANE | {"status": "Client - Active"}, {"client_id", "status", "created_utc"}),
        "createAffiliate": (JANE | {"commission_rate": 12.5}, {"affiliate_id", "created_utc"}),
        "updateLead": ({"client_id": lead, "city": "Austin"}, updated),
        "updateClient": ({"client_id": client, "employee_id": people["employee"]}, updated),
        "updateAffiliate": (
            {"affiliate_id": people["affiliate"], "is_approved_affiliate": True},
            {"success", "affiliate_id", "updated_utc"},
        ),
        "updateLeadStatus": ({"client_id": lead, "new_status": "Lead - Contacted"}, changed),
        "updateClientStatus": ({"client_id": client, "new_status_id": "43"}, changed),
        "getClient": ({"client_id": client}, {"client_id", "full_name", "updated_utc"}),
        "getLead": ({"client_id": lead}, {"client_id", "full_name", "updated_utc"}),
        "getAffiliate": ({"affiliate_id": people["affiliate"]}, {"affiliate_id", "commission_rate"}),
        "addClientNote": ({"client_id": client, "text": "Called."}, {"client_note_id", "created_utc"}),
    }


def test_every_action_does_its_work(app, people):
    cases = actions(people)
    assert set(cases) == set(app.modules("action")) - {"deleteClientNote", "archiveClient", "restoreClient"}
    for module, (values, names) in cases.items():
        (bundle,) = app.run(module, **values)
        assert names < set(bundle), module
        interface = app.code("module", module, "interface")
        assert {field["name"] for field in interface} == set(bundle)
        dates = [field["name"] for field in interface if field["type"] == "date"]
        assert all(isinstance(bundle[name], datetime) for name in dates), module


def test_a_client_is_archived_and_restored(served_hub, app):
    (made,) = app.run("createClient", **JANE)
    (bundle,) = app.run("archiveClient", client_id=made["client_id"])
    assert (bundle["success"], bundle["client_id"]) == (True, made["client_id"])
    assert isinstance(bundle["archived_utc"], datetime)
    assert app.run("findClient", client_id=made["client_id"]) == []
    (restored,) = app.run("restoreClient", client_id=made["client_id"])
    assert restored["email"] == made["email"]
    assert len(app.run("findClient", client_id=made["client_id"])) == 1


def test_what_is_left_empty_stays_as_it_was(served_hub, app, people):
    app.run("updateClient", client_id=people["client"], first_name="Janet", last_name="", email=None)
    (client,) = app.run("findClient", client_id=people["client"])
    assert (client["first_name"], client["last_name"], client["email"]) == (
        "Janet",
        "Doe",
        "client@example.com",
    )


def test_a_field_is_cleared_by_make_s_word_for_it(app):
    (made,) = app.run("createClient", **JANE | {"phone": "+1 555-010-4477", "city": "Bonn"})
    (updated,) = app.run("updateClient", client_id=made["client_id"], phone=ERASE, employee_id=ERASE)
    assert (updated["phone"], updated["employee_id"], updated["city"]) == (None, None, "Bonn")


def test_a_required_field_is_asked_for_by_the_form(app):
    with pytest.raises(FormRefused, match="email is required"):
        app.run("createLead", first_name="Jane", last_name="Doe")


def test_a_refusal_reaches_the_person_as_the_hub_s_sentence(app, people):
    with pytest.raises(MakeError, match=r"\[422\] .*Lead - New") as caught:
        app.run("updateLeadStatus", client_id=people["lead"], new_status="Lead - Gone")
    assert caught.value.type == "DataError"
    with pytest.raises(MakeError, match=r"\[404\] ") as missing:
        app.run("updateLead", client_id=999_999, city="Austin")
    assert missing.value.type == "DataError"


def test_several_faults_are_all_told_by_their_labels(app):
    with pytest.raises(MakeError) as caught:
        app.run("createLead", **JANE | {"first_name": "x" * 200, "zip": "9" * 30})
    assert caught.value.message == (
        "[422] First Name must have 100 or fewer characters, not 200. "
        "ZIP Code must have 20 or fewer characters, not 30."
    )
    with pytest.raises(MakeError, match=r"\[422\] There is no affiliate 999; choose one from the list\."):
        app.run("createLead", **JANE, affiliate_id="999")


def test_an_update_without_a_field_is_refused(app, people):
    with pytest.raises(MakeError, match=r"\[422\] Fill in at least one field to change\."):
        app.run("updateLead", client_id=people["lead"], city="")


def test_a_status_is_chosen_by_either_field_and_the_number_counts(app, people):
    form = {field["name"]: field for field in app.code("module", "updateLeadStatus", "mappableParams")}
    assert [name for name in form if "client" in str(form[name].get("options")).lower()] == [
        "client_id",
        "new_status",
        "new_status_id",
    ]
    assert form["new_status"]["type"] == "select"
    both = {"new_status": "Lead - New", "new_status_id": 12}
    (bundle,) = app.run("updateLeadStatus", client_id=people["lead"], **both)
    assert bundle["new_status"] == "Lead - Qualified"


def test_every_search_finds(app, people):
    assert {name for name in app.modules("search") if name.startswith("find")} == {"findClient", "findLead"}
    (client,) = app.run("findClient", email="CLIENT@example.com")
    assert client["client_id"] == people["client"]
    (lead,) = app.run("findLead", client_id=people["lead"], limit=1)
    assert lead["client_id"] == people["lead"]
    assert app.run("findLead", email="nobody@example.com") == []
    with pytest.raises(MakeError, match=r"\[400\] Fill in Email, Phone, Client ID or External ID\.$"):
        app.run("findClient")
    for module in ("findClient", "findLead", "listClients", "listLeads", "getClient"):
        assert {field["name"] for field in app.code("module", module, "interface")} == set(client)


def test_a_list_gives_as_many_records_as_its_limit_says(app, people):
    everybody = [client["client_id"] for client in app.run("listClients", limit=100)]
    assert everybody == sorted(set(everybody), reverse=True)
    assert [client["client_id"] for client in app.run("listClients", limit=1)] == everybody[:1]
    (lead,) = app.run("listLeads", q="LEAD@example", limit=10)
    assert lead["client_id"] == people["lead"]
    assert app.run("listClients", q="nobody at all", limit=10) == []
    with pytest.raises(MakeError, match=r"\[400\] .*there are 'Lead - New'"):
        app.run("listClients", status="Gone", limit=10)


def test_a_list_goes_on_page_by_page(app, people):
    notes = [
        app.run("addClientNote", client_id=people["lead"], text=f"Note {number}")[0] for number in range(23)
    ]
    listed = app.run("listClientNotes", client_id=people["lead"], limit=22)
    assert [note["text"] for note in listed] == [note["text"] for note in notes[:0:-1]]
    for note in notes:
        app.run("deleteClientNote", client_id=people["lead"], client_note_id=note["client_note_id"])
    assert app.run("listClientNotes", client_id=people["lead"], limit=22) == []


def test_a_record_that_is_not_there_is_told(app):
    with pytest.raises(MakeError, match=r"\[404\] There is no client '999999' here\."):
        app.run("getClient", client_id=999_999)


def test_every_list_fills_its_dropdown(app, people):
    app.run("updateAffiliate", affiliate_id=people["affiliate"], is_approved_affiliate=True)
    listed = {rpc: app.call(rpc) for rpc in app.manifest["components"]["rpc"]}
    for rpc, options in listed.items():
        assert options, rpc
        assert all(set(option) == {"label", "value"} for option in options), rpc
    assert {"label": "Maria Lopez", "value": people["employee"]} in listed["listEmployees"]
    assert {"label": "Lead - New", "value": 10} in listed["listClientStatusesWhereIsLeadTrue"]
    assert {"label": "Client - Active", "value": 42} not in listed["listClientStatusesWhereIsLeadTrue"]
    assert {"label": "Client - Active", "value": 42} in listed["listClientStatusesWhereIsLeadFalse"]


def test_a_long_list_is_read_page_by_page(other_company):
    hub, app = other_company
    with hub.client() as client:
        for number in range(210):
            body = JANE | {"email": f"jane{number}@example.com"}
            assert client.post("/api/v1/integrations/leads", json=body).status_code == 201
    before = len(app.sender.log)
    assert len({option["value"] for option in app.call("listClients")}) == 210
    assert len(app.sender.log) - before == 2
    assert app.code("rpc", "listClients", "communication")["response"]["limit"] == 500


def test_any_other_call_can_be_made(app):
    (me,) = app.run("makeApiCall", url="/api/v1/me", method="GET")
    assert (me["statusCode"], me["body"]["company_id"]) == (200, 92)
    (listed,) = app.run("makeApiCall", url="api/v1/events", qs=[{"key": "limit", "value": "1"}])
    assert set(listed["body"]) == {"events", "next_cursor"}
    (made,) = app.run("makeApiCall", url="/api/v1/integrations/leads", method="POST", body=json.dumps(JANE))
    assert made["statusCode"] == 201
    with pytest.raises(MakeError, match=r"\[422\] "):
        app.run("makeApiCall", url="/api/v1/integrations/leads", method="POST", body="{}")


def test_too_many_calls_are_a_rate_limit_to_make(serve_hub, app):
    hub = serve_hub(TRUNKLINE_LIMITS__ENABLED="true", TRUNKLINE_LIMITS__WRITE="2/minute")
    old = app.base["baseUrl"].encode()
    limited = App({path: content.replace(old, hub.url.encode()) for path, content in app.files.items()})
    limited.connect(api_key=hub.key)

    def run_on_and_on() -> None:
        for _ in range(7):  # three of them in the same minute, even if the minute changes between calls
            limited.run("createLead", **JANE)

    with pytest.raises(MakeError, match=r"\[429\] \w+") as caught:
        run_on_and_on()
    assert caught.value.type == "RateLimitError"


def test_no_log_has_the_key_or_the_secret(served_hub, app):
    hook = Webhook(app, "watchEvents", url="https://hook.example.com/log")
    hook.attach(event_types=["lead.created"])
    hook.detach()
    log = json.dumps(app.sender.log)
    assert served_hub.key not in log
    assert "whsec_" not in log
    assert "***" in log


@pytest.fixture
def hook(app: App, receiver: Receiver) -> Iterator[Webhook]:
    made = Webhook(app, "watchEvents", url=receiver.url)
    made.attach(event_types=["payment.succeeded"])
    yield made
    made.detach()


async def pushed(receiver: Receiver, emitting: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    """Emit in another thread, so that the receiver can answer; return the event and its push."""
    seen = len(receiver.requests)
    event = await asyncio.to_thread(emitting)
    return event, (await receiver.wait_for(seen + 1))[-1]


def calls_for(app: App, path: str) -> int:
    return sum(path in entry["request"]["url"] for entry in app.sender.log)


async def test_an_event_comes_at_once_and_its_signature_is_checked(served_hub, hook, receiver):
    event, push = await pushed(receiver, lambda: emit(served_hub, "12.5"))
    status, bundles = await asyncio.to_thread(hook.receive, push.headers, push.body)
    assert (status, bundles) == (200, [in_make(event)])
    assert calls_for(hook.app, f"/api/v1/events/{event['id']}") == 0


async def test_a_trigger_for_one_kind_of_event_needs_no_choice(served_hub, app, receiver):
    hook = Webhook(app, "watchPaymentSucceeded", url=receiver.url)
    hook.attach()
    try:
        event, push = await pushed(receiver, lambda: emit(served_hub, "12.5"))
        assert await asyncio.to_thread(hook.receive, push.headers, push.body) == (200, [in_make(event)])
    finally:
        hook.detach()
    assert hooks_of(served_hub, receiver.url) == []


async def test_only_events_that_meet_the_form_of_a_trigger_come(served_hub, app, receiver):
    hook = Webhook(app, "watchPaymentSucceeded", url=receiver.url)
    hook.attach(least_payment_amount=100, only_payment_method="card", least_date_paid=None)
    (made,) = hooks_of(served_hub, receiver.url)
    assert made["filter"] == {
        "payload.payment_amount": {"gte": 100},
        "payload.payment_method": {"eq": "card"},
    }
    await asyncio.to_thread(emit, served_hub, "99.99")
    event, push = await pushed(receiver, lambda: emit(served_hub, "100.5"))
    assert json.loads(push.body)["id"] == event["id"]
    hook.update(most_payment_amount=7)
    (changed,) = hooks_of(served_hub, receiver.url)
    assert changed["filter"] == {"payload.payment_amount": {"lte": 7}}
    hook.update()
    (changed,) = hooks_of(served_hub, receiver.url)
    assert changed["filter"] is None
    hook.detach()


async def test_an_event_whose_digits_make_s_json_cannot_keep_is_fetched(served_hub, hook, receiver):
    event, push = await pushed(receiver, lambda: emit(served_hub, "99.00"))
    assert b"99.00" in push.body
    assert await asyncio.to_thread(hook.receive, push.headers, push.body) == (200, [in_make(event)])
    assert calls_for(hook.app, f"/api/v1/events/{event['id']}") == 1


async def test_a_forged_event_is_not_passed_on(served_hub, hook, receiver):
    event, push = await pushed(receiver, lambda: emit(served_hub, "12.5"))
    forged = push.body.replace(b"12.5", b"99999")
    assert await asyncio.to_thread(hook.receive, push.headers, forged) == (200, [in_make(event)])
    unsigned = {"content-type": "application/json"}
    assert await asyncio.to_thread(hook.receive, unsigned, forged) == (200, [in_make(event)])
    for number in (b"9999999", b'"../me"', b'"sample?limit=1"'):
        invented = push.body.replace(b'"id":%d' % event["id"], b'"id":' + number)
        with pytest.raises(MakeError, match=r"\[404\] "):
            await asyncio.to_thread(hook.receive, push.headers, invented)
    assert await asyncio.to_thread(hook.receive, push.headers, b'{"hello": "there"}') == (200, [])


async def test_a_secret_that_is_not_saved_costs_a_call_and_loses_nothing(served_hub, hook, receiver):
    event, push = await pushed(receiver, lambda: emit(served_hub, "12.5"))
    del hook.data["secret"]
    assert await asyncio.to_thread(hook.receive, push.headers, push.body) == (200, [in_make(event)])


def hooks_of(hub: Any, url: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = hub.call("GET", "/api/v1/make/hooks", params={"target_url": url})["hooks"]
    return listed


def test_attaching_and_detaching_twice_does_no_harm(served_hub, app):
    url = "https://hook.example.com/twice"
    webhook = Webhook(app, "watchEvents", url=url)
    webhook.attach(event_types=["lead.created", "client.created"])
    webhook.attach(event_types=["client.created", "lead.created"])
    (hook,) = hooks_of(served_hub, url)
    assert hook["id"] == webhook.data["externalHookId"]
    webhook.detach()
    webhook.detach()
    assert hooks_of(served_hub, url) == []


@pytest.mark.parametrize(
    "chosen", [["lead.created"], ["client.created"]], ids=["as it was", "something else"]
)
def test_a_changed_webhook_has_one_hook_that_fits(served_hub, app, chosen):
    url = f"https://hook.example.com/{chosen[0]}"
    webhook = Webhook(app, "watchEvents", url=url)
    webhook.attach(event_types=["lead.created"])
    webhook.update(event_types=chosen)
    (hook,) = hooks_of(served_hub, url)
    assert (hook["event_types"], hook["id"]) == (chosen, webhook.data["externalHookId"])
    webhook.detach()
    assert hooks_of(served_hub, url) == []


def test_a_webhook_needs_events(app):
    with pytest.raises(FormRefused, match=r"has no option 'no\.such'"):
        Webhook(app, "watchEvents", url="https://hook.example.com/x").attach(event_types=["no.such"])


def test_the_schedule_gives_each_event_once_in_order(other_company):
    hub, app = other_company
    poller = Poller(app, "pollEvents", event_types=["payment.succeeded"], limit=3)
    assert poller.run() == []
    emitted = [emit(hub, str(day), createdUtc=f"2026-01-{28 - day}T10:00:00Z") for day in range(1, 8)]
    hub.call("POST", "/api/v1/integrations/leads", json=JANE)
    given = [in_make(event) for event in emitted]
    assert [poller.run() for _ in range(4)] == [given[:3], given[3:6], given[6:], []]
    late = emit(hub, "8", createdUtc="2020-01-01T00:00:00Z")
    assert poller.run() == [in_make(late)]
    assert poller.run() == []


def test_a_run_goes_on_where_the_last_one_ended_instead_of_reading_all_again(other_company):
    hub, app = other_company
    poller = Poller(app, "pollEvents", event_types=TEN, limit=2000)
    poller.run()
    payload = emit(hub)["payload"]
    batch = {"events": [{"type": "payment.succeeded", "payload": payload}] * 449}
    hub.call("POST", "/api/v1/events/batch", json=batch)
    before = len(app.sender.log)
    assert len(poller.run()) == 450
    assert len(app.sender.log) - before == 3
    emit(hub)
    assert len(poller.run()) == 1
    assert len(app.sender.log) - before == 4


def test_a_trigger_without_a_limit_gives_one_event_a_run(other_company):
    hub, app = other_company
    path = "modules/poll-events/poll-events.communication.iml.json"
    block = app.read(path)
    del block["response"]["limit"]
    unlimited = App(dict(app.files) | {path: json.dumps(block).encode()}, app.connection)
    poller = Poller(unlimited, "pollEvents", event_types=["payment.succeeded"])
    poller.start_after(emit(hub)["id"])
    first, second = emit(hub), emit(hub)
    assert [poller.run(), poller.run(), poller.run()] == [[in_make(first)], [in_make(second)], []]


@pytest.mark.parametrize("deep", [True, False], ids=["key by key", "whole"])
def test_a_person_chooses_where_to_start_newest_first(served_hub, app, deep):
    events = [emit(served_hub, str(number)) for number in range(1, 4)]
    poller = Poller(app, "pollEvents", event_types=["payment.succeeded"])
    listed = poller.epoch(deep=deep)
    assert [entry["id"] for entry in listed[:3]] == [event["id"] for event in reversed(events)]
    assert listed[0]["label"] == f"payment.succeeded #{events[2]['id']}"
    assert datetime.fromisoformat(listed[0]["date"]).tzinfo == UTC
    poller.start_after(listed[1]["id"])
    assert poller.run() == [in_make(events[2])]


@pytest.fixture
def shop() -> Iterator[tuple[str, str]]:
    """Run the product of docs/examples/shop; give its address and the secret that it shares with the hub."""
    secret = "whsec_" + "c2hvcHNob3BzaG9wc2hvcHNob3BzaG9w"
    with shop_program(ROOT / "docs/examples/shop/shop.py", "0", secret=secret) as url:
        yield url, secret


def test_a_catalogue_of_ones_own_works_without_a_line_of_code(serve_hub, shop, tmp_path):
    url, secret = shop
    hub = serve_hub(
        TRUNKLINE_PRODUCT__SCHEMAS=str(ROOT / "docs/examples/shop/schemas"),
        TRUNKLINE_ACTIONS__PROVIDER_URL=url,
        TRUNKLINE_ACTIONS__PROVIDER_SECRET=secret,
        TRUNKLINE_ACTIONS__PROVIDER_OPERATIONS="create_order,find_order",
    )
    app = exported(hub, tmp_path / "app")
    poller = Poller(app, "pollEvents", event_types=["order.created"])
    (order,) = app.run("createOrder", sku="tea-green", quantity=3)
    assert order == {"order_id": 1, "sku": "tea-green", "quantity": 3}
    assert app.run("findOrder", order_id=1) == [order]
    (event,) = poller.run()
    assert event["payload"]["order_id"] == 1
    with pytest.raises(MakeError, match="order at most 100"):
        app.run("createOrder", sku="tea-green", quantity=101)
