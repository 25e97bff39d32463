"""The routes of searches and lookups for a caller: lists, schemas, scopes, limits, and every refusal."""

import pytest
from tests.answers import problem

BASE = "/api/v1/integrations"
SEARCH = f"{BASE}/clients/search"
LOOKUPS = ("affiliates", "client-statuses", "clients", "employees")


async def test_the_list_names_every_search_with_its_call_and_schemas(api):
    listed = (await api.client.get("/api/v1/searches")).json()
    assert listed["count"] == len(listed["searches"])
    assert {search["name"]: search["path"].removeprefix(BASE) for search in listed["searches"]} == {
        "find_client": "/clients/search",
        "find_lead": "/leads/search",
        "get_affiliate": "/affiliates/{affiliate_id}",
        "get_client": "/clients/{client_id}",
        "get_lead": "/leads/{client_id}",
        "list_affiliates": "/affiliates",
        "list_client_notes": "/clients/{client_id}/notes",
        "list_clients": "/clients",
        "list_leads": "/leads",
    }
    single = {search["name"] for search in listed["searches"] if search.get("single")}
    assert single == {"get_affiliate", "get_client", "get_lead"}
    assert {search.get("items") for search in listed["searches"]} == {"results", "items", None}
    for search in listed["searches"]:
        served = await api.anonymous.get(f"/schemas/searches/{search['name']}.json")
        assert served.json() == {"input": search["input_schema"], "output": search["output_schema"]}
    content = problem(await api.anonymous.get("/schemas/searches/create_lead.json"), 404, "not-found")
    assert content["detail"] == "There is no search 'create_lead' here."


async def test_the_list_names_every_lookup_with_its_call_and_the_list_in_its_answer(api):
    listed = (await api.client.get("/api/v1/lookups")).json()
    assert [(lookup["path"].removeprefix(BASE), lookup["items"]) for lookup in listed["lookups"]] == [
        (f"/lookups/{name}", name.replace("-", "_")) for name in LOOKUPS
    ]


async def test_openapi_shows_the_fields_of_a_query_with_their_types(api):
    paths = (await api.anonymous.get("/openapi.json")).json()["paths"]
    search = paths[SEARCH]["get"]
    assert (search["operationId"], search["tags"]) == ("findClient", ["Searches"])
    named = [parameter for parameter in search["parameters"] if "name" in parameter]
    types = {parameter["name"]: parameter["schema"]["type"] for parameter in named}
    assert types == {"email": "string", "phone": "string", "client_id": "integer", "external_id": "string"}
    assert paths[f"{BASE}/lookups/client-statuses"]["get"]["operationId"] == "lookUpClientStatuses"
    assert set(paths[f"{BASE}/lookups/clients"]["get"]["responses"]) == {
        "200", "400", "401", "403", "404", "422", "429", "502", "503", "default",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "path", "detail"),
    [
        ("", "email", "The query parameter 'email' is required, or else phone or client_id or external_id."),
        ("?email=", "email", "The query parameter 'email' is required, or else phone or client_id or external_id."),
        ("?name=Jane", "name", "The query parameter 'name' is not known here; known are email, phone, client_id, external_id."),
        ("?email=a&email=b", "email", "The query parameter 'email' is given more than once."),
        ("?client_id=x", "client_id", "The query parameter 'client_id' must be a whole number."),
        ("?client_id=0", "client_id", "The query parameter 'client_id' must be at least 1, not 0."),
        ("?client_id=1.5", "client_id", "The query parameter 'client_id' must be a whole number."),
        ("?email=%00", "email", "The query parameter 'email' holds the character NUL."),
        ("?email=%FF", "email", "The query parameter 'email' is not UTF-8."),
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_is_400_that_names_the_parameter(api, query, path, detail):
    content = problem(await api.client.get(SEARCH + query), 400, "bad-query")
    assert (content["errors"][0]["path"], content["detail"]) == (path, detail)


async def test_a_lookup_refuses_a_cursor_and_a_limit_that_cannot_be(api):
    problem(await api.client.get(f"{BASE}/lookups/client-statuses?cursor=x"), 400, "bad-cursor")
    problem(await api.client.get(f"{BASE}/lookups/client-statuses?limit=0"), 400, "bad-query")


@pytest.mark.parametrize("path", [SEARCH + "?client_id=1", *(f"{BASE}/lookups/{name}" for name in LOOKUPS)])
async def test_each_call_asks_for_the_scope_and_a_key(api, path):
    problem(await api.anonymous.get(path), 401, "unauthenticated")
    refused = await (await api.client_of(api.company_id, ["integrations:write"])).get(path)
    content = problem(refused, 403, "forbidden")
    assert content["detail"] == "This API key lacks the scope 'integrations:read'; use a key that has it."
    assert (await (await api.client_of(api.company_id, ["integrations:read"])).get(path)).status_code == 200


async def test_searches_count_as_reads(sqlite_database_url, make_hub):
    chosen = {"limits.enabled": "true", "limits.read": "2/minute"}
    hub = await make_hub(sqlite_database_url, chosen, dispatch=False)
    for remaining in ("1", "0"):
        answer = await hub.client.get(SEARCH, params={"email": "a@b.example"})
        assert answer.headers["x-ratelimit-policy"] == "read:2/1m"
        assert answer.headers["x-ratelimit-remaining"] == remaining
    over = problem(await hub.client.get(f"{BASE}/lookups/clients"), 429, "rate-limited")
    assert over["detail"].startswith("This API key may make 2 'read' calls a minute")


async def test_without_the_plugin_no_search_is_there(sqlite_database_url, make_hub):
    hub = await make_hub(sqlite_database_url, {"plugins.disabled": "searches"}, dispatch=False)
    for path in (SEARCH, f"{BASE}/lookups/clients", "/api/v1/searches"):
        assert (await hub.client.get(path)).status_code == 404
