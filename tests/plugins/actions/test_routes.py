"""The routes of actions for a caller: lists, schemas, scopes, limits, and every refusal with its sentence."""

import json

import pytest
from tests.answers import json_of, problem

LEADS = "/api/v1/integrations/leads"
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane.doe@example.com"}
NAMES = [
    "add_client_note",
    "archive_client",
    "create_affiliate",
    "create_client",
    "create_lead",
    "delete_client_note",
    "restore_client",
    "update_affiliate",
    "update_client",
    "update_client_status",
    "update_lead",
    "update_lead_status",
]


async def test_the_list_names_every_action_with_its_call_and_its_schemas(api):
    listed = (await api.client.get("/api/v1/actions")).json()
    assert [action["name"] for action in listed["actions"]] == NAMES
    assert listed["count"] == len(NAMES)
    update = listed["actions"][NAMES.index("update_lead_status")]
    assert list(update) == ["name", "title", "description", "method", "path", "input_schema", "output_schema"]
    assert (update["method"], update["path"]) == ("PATCH", f"{LEADS}/{{client_id}}/status")
    assert "new_status" in update["input_schema"]["properties"]
    assert "previous_status" in update["output_schema"]["properties"]


@pytest.mark.parametrize("name", NAMES)
async def test_every_actions_schemas_are_public_and_cached(api, name):
    answer = await api.anonymous.get(f"/schemas/actions/{name}.json")
    assert answer.headers["content-type"] == "application/schema+json"
    assert "x-ratelimit-limit" not in answer.headers
    (listed,) = [
        action
        for action in (await api.client.get("/api/v1/actions")).json()["actions"]
        if action["name"] == name
    ]
    assert answer.json() == {"input": listed["input_schema"], "output": listed["output_schema"]}
    again = await api.anonymous.get(
        f"/schemas/actions/{name}.json", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_unknown_schemas_are_not_found(api):
    content = problem(await api.anonymous.get("/schemas/actions/find_lead.json"), 404, "not-found")
    assert content["detail"] == "There is no action 'find_lead' here."


async def test_openapi_has_real_models_and_examples_and_names_every_problem(api):
    document = (await api.anonymous.get("/openapi.json")).json()
    create = document["paths"][LEADS]["post"]
    assert (create["operationId"], create["tags"]) == ("createLead", ["Actions"])
    body = create["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/CreateLeadInput"}
    assert body["examples"]["example1"]["value"]["first_name"] == "Jane"
    model = document["components"]["schemas"]["CreateLeadInput"]
    assert (model["required"], model["additionalProperties"]) == (["first_name", "last_name", "email"], False)
    assert set(create["responses"]) == {
        "200", "201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "502", "503", "default",
    }  # fmt: skip
    answer = create["responses"]["201"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/CreateLeadOutput"}
    assert answer["examples"]["example1"]["value"]["status"] == "Lead - New"
    update = document["paths"][f"{LEADS}/{{client_id}}"]["patch"]
    parameters = {parameter.get("name"): parameter for parameter in update["parameters"]}
    assert parameters["client_id"]["schema"]["type"] == "integer"
    assert "Idempotency-Key" in parameters


async def test_without_the_plugin_and_without_a_provider_nothing_is_there(sqlite_database_url, make_hub):
    for changed, status in (({"plugins.disabled": "actions"}, 404), ({"plugins.disabled": "crm"}, 200)):
        hub = await make_hub(sqlite_database_url, changed, dispatch=False)
        is_listed = status == 404  # answered by the plugin searches, for GET
        assert (await hub.client.post(LEADS, json=LEAD)).status_code == (405 if is_listed else 404)
        listed = json_of(await hub.client.get("/api/v1/actions"), status)
        if status == 200:
            assert listed == {"actions": [], "count": 0, "next_cursor": None}
        paths = (await hub.anonymous.get("/openapi.json")).json()["paths"]
        assert list(paths.get(LEADS, {})) == (["get"] if is_listed else [])


async def test_put_answers_wherever_patch_does(api):
    client_id = (await api.client.post(LEADS, json=LEAD)).json()["client_id"]
    for path, body in (
        (f"{LEADS}/{client_id}", {"city": "Austin"}),
        (f"{LEADS}/{client_id}/status", {"new_status_id": 11}),
    ):
        patched = await api.client.patch(path, json=body)
        put = await api.client.put(path, json=body)
        assert (patched.status_code, put.status_code) == (200, 200)
        assert patched.json().keys() == put.json().keys()
    wrong = await api.client.delete(f"{LEADS}/{client_id}")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, PUT, PATCH")


async def test_a_repeated_idempotency_key_gets_the_first_status_and_body(running):
    headers = {"Idempotency-Key": "k"}
    first = await running.client.post(LEADS, json=LEAD, headers=headers)
    again = await running.client.post(LEADS, json=LEAD | {"phone": ""}, headers=headers)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    other = await running.client.post(LEADS, json=LEAD | {"city": "Austin"}, headers=headers)
    assert problem(other, 409, "idempotency-conflict")["detail"] == (
        "The Idempotency-Key 'k' was used for another request; choose a new key for a new request."
    )
    assert len((await running.client.get("/api/v1/events")).json()["events"]) == 1


async def test_an_operator_names_the_company_in_the_header(api):
    content = problem(await api.operator.post(LEADS, json=LEAD), 400, "bad-query")
    assert content["errors"][0]["path"] == "X-Company-Id"
    company = {"X-Company-Id": str(api.company_id)}
    made = json_of(await api.operator.post(LEADS, json=LEAD, headers=company), 201)
    search = await api.client.get(f"{LEADS}/search?client_id={made['client_id']}")
    assert search.json()["count"] == 1


async def test_a_call_without_a_key_or_for_another_company_is_refused(api):
    content = problem(await api.anonymous.post(LEADS, json=LEAD), 401, "unauthenticated")
    assert "X-Api-Key" in content["detail"]
    other = {"X-Company-Id": str(api.neighbour_id)}
    problem(await api.client.post(LEADS, json=LEAD, headers=other), 403, "forbidden")


@pytest.mark.parametrize(
    ("content", "path", "message"),
    [
        (b"", "", "is empty; send JSON"),
        (b"[]", "", "must be an object"),
        (b"null", "", "must be an object"),
        (b'"x"', "", "must be an object"),
        (b'{"a":', "", "is not valid JSON"),
        (b'{"email": "a@b.example", "email": "c@d.example"}', "", "names the key 'email' twice in one object"),
        (json.dumps({**LEAD, "colour": "red"}).encode(), "/colour", "is not a field of create_lead"),
        (json.dumps({**LEAD, "first_name": ""}).encode(), "/first_name", "is required"),
        (json.dumps({**LEAD, "first_name": None}).encode(), "/first_name", "must be "),
        (b'{"first_name": "\\u0000", "last_name": "D", "email": "a@b.example"}', "/first_name", "holds the character NUL"),
    ],
)  # fmt: skip
async def test_a_body_that_cannot_be_is_422_at_its_place(api, content, path, message):
    answer = await api.client.post(LEADS, content=content, headers={"Content-Type": "application/json"})
    errors = problem(answer, 422, "body-invalid")["errors"]
    assert errors[0]["path"] == path
    assert errors[0]["message"].startswith(message)


async def test_a_body_of_another_kind_or_too_large_is_refused(api):
    answer = await api.client.post(LEADS, content=b"a=b", headers={"Content-Type": "text/plain"})
    content = problem(answer, 415, "unsupported-media-type")
    assert content["detail"].endswith("send Content-Type: application/json.")
    problem(await api.client.post(LEADS, json=LEAD | {"city": "x" * 300_000}), 413, "body-too-large")


async def test_an_unknown_query_parameter_is_400_that_names_it(api):
    content = problem(await api.client.post(f"{LEADS}?dry_run=1", json=LEAD), 400, "bad-query")
    assert content["detail"] == "The query parameter 'dry_run' is not known here; this call has none."


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
async def test_an_idempotency_key_that_cannot_be_is_400(api, key):
    answer = await api.client.post(LEADS, json=LEAD, headers={"Idempotency-Key": key})
    content = problem(answer, 400, "bad-query")
    assert content["detail"] == "The header Idempotency-Key must be 1 to 255 printable characters."


@pytest.mark.parametrize("client_id", ["1", "0", "-1", "x", "1.0", "9" * 30, "%00", "1%2F2"])
async def test_what_is_not_there_is_404(api, client_id):
    answer = json_of(await api.client.patch(f"{LEADS}/{client_id}", json={"city": "Austin"}), 404)
    assert answer["status"] == 404


async def test_another_companys_record_is_404(api):
    made = await (await api.client_of(api.neighbour_id)).post(LEADS, json=LEAD)
    client_id = made.json()["client_id"]
    answer = await api.client.patch(f"{LEADS}/{client_id}", json={"city": "Austin"})
    assert problem(answer, 404, "not-found")["detail"] == f"There is no lead '{client_id}' here."


async def test_actions_count_as_writes_and_show_what_is_left(sqlite_database_url, make_hub):
    chosen = {"limits.enabled": "true", "limits.write": "3/minute"}
    hub = await make_hub(sqlite_database_url, chosen, dispatch=False)
    for remaining, answer_to in (
        ("2", await hub.client.post(LEADS, json=LEAD)),
        ("1", await hub.client.post(LEADS, json={})),
        ("0", await hub.client.patch(f"{LEADS}/999", json={"city": "Austin"})),
    ):
        shown = {name: answer_to.headers[f"x-ratelimit-{name}"] for name in ("policy", "limit", "window")}
        assert shown == {"policy": "write:3/1m", "limit": "3", "window": "1m"}
        assert answer_to.headers["x-ratelimit-remaining"] == remaining
    over = await hub.client.post(LEADS, json=LEAD)
    content = problem(over, 429, "rate-limited")
    assert content["detail"].startswith("This API key may make 3 'write' calls a minute; try again in ")
    assert 0 < int(over.headers["retry-after"]) <= 60
    assert (await hub.client.get("/api/v1/actions")).headers["x-ratelimit-policy"] == "read:60/1m"
