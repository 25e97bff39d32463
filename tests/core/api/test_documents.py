"""The machine-readable documents, and the page that shows them."""

import asyncio
import re
import threading

import jsonschema
import pytest
from fastapi import FastAPI, Request
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.payloads import TEN

from trunkline.api import documents
from trunkline.schemas.catalog import SchemaCatalog


@pytest.fixture
async def openapi(api):
    answer = await api.anonymous.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_openapi_document_is_valid(openapi):
    assert openapi["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(openapi).iter_errors()] == []


def test_the_ten_events_stand_under_webhooks_with_examples_that_validate(openapi):
    assert sorted(openapi["webhooks"]) == TEN
    for name, item in openapi["webhooks"].items():
        operation = item["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert content["example"]["type"] == name
        validator = jsonschema.Draft202012Validator(content["schema"] | {"components": openapi["components"]})
        validator.validate(content["example"])
        for wrong in ({"type": "no.such"}, {"payload": {}}, {"companyId": "92"}):
            with pytest.raises(jsonschema.ValidationError):
                validator.validate(content["example"] | wrong)
        headers = {parameter["name"] for parameter in operation["parameters"]}
        assert {"webhook-id", "webhook-timestamp", "webhook-signature", "trunkline-event-type"} <= headers


def test_every_operation_has_an_id_a_summary_and_the_problem_as_its_error(openapi):
    ids = []
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            ids.append(operation["operationId"])
            assert operation["summary"], (method, path)
            problem = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}
            assert "HTTPValidationError" not in str(operation)
            keyed = [{"ApiKey": []}, {"Bearer": []}]
            assert operation["security"] == (keyed if path.startswith("/api/v1") else []), path
    assert len(set(ids)) == len(ids)
    assert openapi["components"]["securitySchemes"]["ApiKey"]["name"] == "X-Api-Key"


def test_raw_bodies_are_described(openapi):
    for path, name in (("/api/v1/events", "EventRequest"), ("/api/v1/events/batch", "BatchRequest")):
        schema = openapi["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{name}"}
        assert name in openapi["components"]["schemas"]
    described = openapi["components"]["schemas"]["EventRequest"]
    assert sorted(described["properties"]["type"]["enum"]) == TEN


def test_queries_are_described_parameter_by_parameter(openapi):
    poll = openapi["paths"]["/api/v1/events"]["get"]["parameters"]
    queries = {parameter["name"] for parameter in poll if parameter.get("in") == "query"}
    assert queries == {"types", "cursor", "filter", "since", "limit", "versions", "wait"}


async def test_the_server_of_the_documents_is_the_public_address(sqlite_database_url, make_hub):
    settings = {"server.public_url": "https://hooks.example.com/"}
    hub = await make_hub(sqlite_database_url, settings, dispatch=False)
    openapi = (await hub.anonymous.get("/openapi.json")).json()
    asyncapi = (await hub.anonymous.get("/asyncapi.json")).json()
    assert openapi["servers"] == [{"url": "https://hooks.example.com/"}]
    server = asyncapi["servers"]["hub"]
    assert (server["protocol"], server["host"]) == ("https", "hooks.example.com")


async def test_the_asyncapi_document_sends_one_message_a_type(api):
    document = (await api.anonymous.get("/asyncapi.json")).json()

    def resolve(reference: str):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    assert document["asyncapi"] == "3.1.0"
    assert resolve(document["servers"]["hub"]["security"][0]["$ref"])["name"] == "X-Api-Key"
    pushes, events = document["channels"]["pushes"], document["channels"]["events"]
    assert (pushes["address"], events["address"]) == (None, "/api/v1/events")
    assert sorted(pushes["messages"]) == sorted(events["messages"]) == TEN
    assert len(document["operations"]) == len(TEN) + 1
    assert document["operations"]["listEvents"]["bindings"]["http"]["method"] == "GET"
    for name in TEN:
        operation = document["operations"][f"push.{name}"]
        assert (operation["action"], operation["bindings"]["http"]["method"]) == ("send", "POST")
        assert resolve(operation["channel"]["$ref"]) is pushes
        (message,) = [resolve(resolve(m["$ref"])["$ref"]) for m in operation["messages"]]
        assert message["name"] == name
        schema = message["payload"] | {"components": document["components"]}
        (example,) = message["examples"]
        jsonschema.Draft202012Validator(schema).validate(example["payload"])


async def test_the_reference_page_needs_no_internet(api):
    page = await api.anonymous.get("/docs")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    assert "://" not in page.text
    for asset in assets:
        answer = await api.anonymous.get(asset)
        assert (answer.status_code, bool(answer.content)) == (200, True), asset
        assert not (asset.endswith(".css") and re.search(r"url\(['\"]?https?:", answer.text))


async def test_the_reference_page_runs_no_script_but_its_own(api):
    answers = [await api.anonymous.get("/docs") for _ in range(2)]
    nonces = [re.findall(r'<script nonce="([^"]+)">', answer.text) for answer in answers]
    assert nonces[0] != nonces[1]
    for answer, (nonce,) in zip(answers, nonces, strict=True):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith(f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; ")


async def test_an_asset_outside_its_folder_is_not_served(api):
    for path in ("/docs/assets/../__init__.py", "/docs/assets/%2e%2e/__init__.py", "/docs/assets/nope.js"):
        answer = await api.anonymous.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_document_is_made_once_for_each_revision_and_never_on_the_event_loop(monkeypatch):
    threads = []

    def make(*_):
        threads.append(threading.current_thread())
        return {}

    monkeypatch.setattr(documents, "asyncapi", make)
    catalog = SchemaCatalog([])
    handlers, request = documents.DocumentHandlers(catalog, None), Request({"type": "http", "app": FastAPI()})
    await asyncio.gather(*(handlers.show_asyncapi(request) for _ in range(5)))
    assert len(threads) == 1
    catalog.revision += 1
    await handlers.show_asyncapi(request)
    assert len(threads) == 2
    assert threading.main_thread() not in threads
