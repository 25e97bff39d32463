"""The files of the Make app: the same each time, valid by Make's own schemas, and consistent with each other."""

import fnmatch
import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from tests.plugins.awkward_product import PRODUCT as AWKWARD
from tests.plugins.products import an_object, installed_product
from tests.some import some

from trunkline.pages import AuthorizationServer, Example, Product
from trunkline_make.generator import generate
from trunkline_make.names import camel, kebab
from trunkline_make.published import keys

from .products import FIND_TASK, OWNERS, TASK_DONE, TINY, UPDATE_TASK, text, with_more

FOLDER = Path(__file__).parent
GOLDEN = FOLDER / "golden"
SCHEMAS = FOLDER / "schemas"
BASE = "https://schemas.make.example/"
UNMATCHED = {"*.static-params.iml.json": "parameters.json", "*.update.iml.json": "api.json"}
"""Files without an association in Make's editor, each with a file of the same format by Make's manual."""

ISSUER = AuthorizationServer(
    "https://login.example.com/authorize",
    "https://login.example.com/token",
    scopes=("crm", "offline_access"),
    parameters={"audience": "https://events.example.com", "client_id": "never"},
    issuer="https://login.example.com",
)
PRODUCTS: Mapping[str, Callable[[], Product]] = {
    "tiny": lambda: TINY,
    "installed": installed_product,
    "installed and more": lambda: with_more(installed_product()),
    "awkward": lambda: AWKWARD,
    "nothing but events": lambda: replace(TINY, actions=(), searches=(), lookups=()),
    "by oauth": lambda: replace(TINY, auth="oauth"),
    "by either": lambda: replace(TINY, auth="both"),
    "by an issuer": lambda: replace(TINY, auth="both", issuer=ISSUER),
}
Files = Mapping[str, bytes]


@pytest.fixture(params=list(PRODUCTS), scope="module")
def product(request: pytest.FixtureRequest) -> Product:
    return PRODUCTS[request.param]()


@pytest.fixture(scope="module")
def files(product: Product) -> Files:
    return generate(product)


@functools.cache
def installed() -> Files:
    return generate(installed_product())


def read(files: Files, path: str) -> Any:
    return json.loads(files[path])


def components(files: Files, kind: str) -> dict[str, Any]:
    components: dict[str, Any] = read(files, "makecomapp.json")["components"][kind]
    return components


def texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            yield from texts(item)
    elif isinstance(content, str):
        yield content


def test_the_same_product_makes_the_same_bytes(product):
    assert generate(product) == generate(product)


def test_the_files_of_a_tiny_product_are_the_golden_ones():
    made = generate(TINY)
    if os.environ.get("TRUNKLINE_WRITE_GOLDEN"):
        for path, content in made.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_bytes(content)
    kept = {
        file.relative_to(GOLDEN).as_posix(): file.read_bytes() for file in GOLDEN.rglob("*") if file.is_file()
    }
    assert sorted(made) == sorted(kept)
    assert [path for path in made if made[path] != kept[path]] == []


def schema_of(path: str) -> str | None:
    """Find the schema by which Make's editor checks a file."""
    associations = json.loads((SCHEMAS / "associations.json").read_bytes())["associations"]
    for association in associations:
        if any(fnmatch.fnmatch(path.rpartition("/")[2], pattern) for pattern in association["fileMatch"]):
            return str(association["url"])
    return next((url for pattern, url in UNMATCHED.items() if fnmatch.fnmatch(path, pattern)), None)


@functools.cache
def validator(schema: str) -> Draft7Validator:
    documents = {file.name: json.loads(file.read_bytes()) for file in SCHEMAS.glob("*.json")}
    resources = [
        (f"{BASE}{name}", Resource(_without_ids(document), DRAFT7)) for name, document in documents.items()
    ]
    return Draft7Validator({"$ref": f"{BASE}{schema}"}, registry=Registry().with_resources(resources))


def _without_ids(document: Any) -> Any:
    """Remove ``"$id": "#name"``, an anchor without references, and read ``%3C`` in references as ``<``."""
    if isinstance(document, list):
        return [_without_ids(item) for item in document]
    if not isinstance(document, dict):
        return document
    made = {
        key: _without_ids(value)
        for key, value in document.items()
        if not (key == "$id" and str(value).startswith("#"))
    }
    return made | ({"$ref": unquote(made["$ref"])} if isinstance(made.get("$ref"), str) else {})


def faults(schema: str, content: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(schema).iter_errors(content)]


def test_every_file_is_valid_by_the_schemas_of_make(files):
    errors = {
        path: faults(schema, read(files, path))
        for path in files
        if path != "README.md" and (schema := schema_of(path)) is not None
    }
    assert {path for path in files if path not in errors} == {"README.md"}
    assert {path: wrong for path, wrong in errors.items() if wrong} == {}


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("api.json", {"url": "/a", "method": "POST"}),
        ("api.json", {"url": "/a", "retries": 3}),
        ("base.json", {"response": {"error": {"message": "m", "type": "Oops"}}}),
        ("parameters.json", [{"name": "a"}]),
        ("epoch.json", {"response": {"output": {"label": "x"}}}),
        ("groups.json", [{"label": "x"}]),
        ("makecomapp.schema.json", {"fileVersion": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_schemas_of_make_find_mistakes(schema, content):
    assert faults(schema, content)


def test_every_file_is_listed_and_every_listed_file_is_there(files):
    manifest = read(files, "makecomapp.json")
    listed = {path for path in manifest["generalCodeFiles"].values() if path}
    for kind in manifest["components"].values():
        listed |= {path for component in kind.values() for path in component["codeFiles"].values() if path}
    assert listed == set(files) - {"makecomapp.json"}


def test_files_are_named_as_the_editor_of_make_names_them(files):
    named = [
        (kind, kebab(component_id), path)
        for kind in ("connection", "webhook", "module", "rpc")
        for component_id, component in components(files, kind).items()
        for path in filter(None, component["codeFiles"].values())
    ]
    for kind, name, path in some(named):
        assert re.fullmatch(rf"{kind}s/{name}/{name}\.[a-z-]+\.iml\.json", path)


def test_ids_are_ids_to_make(files):
    inner = {"module": "[0-9a-zA-Z]{1,62}", "rpc": "[0-9a-zA-Z]{1,62}"}
    inner |= dict.fromkeys(("connection", "webhook"), "[0-9a-zA-Z-]{1,33}")
    for kind, component_id in some((of, each) for of in inner for each in components(files, of)):
        assert re.fullmatch(f"[a-zA-Z]{inner[kind]}[0-9a-zA-Z]", component_id)


def test_components_refer_to_components_that_there_are(files):
    for kind in ("webhook", "module", "rpc"):
        for component in components(files, kind).values():
            for role in ("connection", "altConnection"):
                assert component.get(role) in {None, *components(files, "connection")}
            assert component.get("webhook") in {None, *components(files, "webhook")}
    referred = {
        name
        for path in files
        if path.endswith(".iml.json")
        for text in texts(read(files, path))
        for name in re.findall(r"rpc://(\w+)", text)
    }
    assert referred == set(components(files, "rpc"))


def test_every_module_stands_in_one_group(files):
    grouped = [name for group in read(files, "modules/groups.json") for name in group["modules"]]
    assert sorted(grouped) == sorted(components(files, "module"))


def test_expressions_name_fields_of_their_own_form(files):
    for module in some(components(files, "module").values()):
        codes = module["codeFiles"]
        if "mappableParams" not in codes:
            continue
        names = [parameter["name"] for parameter in read(files, codes["mappableParams"])]
        used = {
            name or odd
            for text in texts(read(files, codes["communication"]))
            for name, odd in re.findall(r"parameters\.(?:(\w+)|`(.+?)`)", text)
        }
        assert sorted(used) == sorted(names)


def test_the_key_is_kept_out_of_the_logs(files):
    base = read(files, "general/base.iml.json")
    header = next(iter(base["headers"])).lower()
    assert f"request.headers.{header}" in base["log"]["sanitize"]
    if "connection" in components(files, "connection"):
        key = read(files, "connections/connection/connection.communication.iml.json")
        assert "request.headers.x-api-key" in key["log"]["sanitize"]


def test_each_status_has_an_error_of_make(files):
    error = read(files, "general/base.iml.json")["response"]["error"]
    kinds = {status: answer["type"] for status, answer in error.items() if status.isdigit()}
    wanted = {
        "401": "InvalidAccessTokenError",
        "422": "DataError",
        "429": "RateLimitError",
        "503": "ConnectionError",
    }
    assert kinds | wanted == kinds
    assert all(
        "{{ifempty(ifempty(body.form_detail, body.detail), " in answer["message"]
        for status, answer in error.items()
        if isinstance(answer, dict) and status not in {"401", "410"}
    )


def test_what_is_added_to_the_catalogue_is_in_the_app():
    before, after = installed(), generate(with_more(installed_product()))
    assert set(components(after, "module")) - set(components(before, "module")) == {
        "updateTask",
        "watchTaskDone",
    }
    assert set(components(after, "rpc")) - set(components(before, "rpc")) == {"listOwnersWhereActiveTrue"}
    (chosen,) = read(after, "webhooks/webhook/webhook.params.iml.json")
    assert "task.done" in [option["value"] for option in chosen["options"]]
    interface = read(after, "modules/watch-events/watch-events.interface.iml.json")
    (payload,) = [field["spec"] for field in interface if field["name"] == "payload"]
    assert {"name": "done_date", "label": "Done", "type": "date"} in payload


def test_a_field_that_events_call_differently_has_all_of_its_names():
    made = installed()
    for module in ("watch-events", "poll-events"):
        interface = read(made, f"modules/{module}/{module}.interface.iml.json")
        (payload,) = [field["spec"] for field in interface if field["name"] == "payload"]
        labels = {field["name"]: field["label"] for field in payload}
        assert labels["employee_id"] == "Affiliate ID / Employee ID"
        assert labels["first_name"] == "First Name"


def test_each_event_type_has_a_trigger_with_its_own_fields_and_sample():
    made = installed()
    module = components(made, "module")["watchAffiliateCreated"]
    assert (module["label"], module["webhook"]) == ("Watch New Affiliates", "watchAffiliateCreated")
    interface = read(made, module["codeFiles"]["interface"])
    (payload,) = [field["spec"] for field in interface if field["name"] == "payload"]
    assert payload[0] == {"name": "employee_id", "label": "Affiliate ID", "type": "integer"}
    assert read(made, module["codeFiles"]["samples"])["type"] == "affiliate.created"
    webhook = components(made, "webhook")["watchAffiliateCreated"]
    assert read(made, webhook["codeFiles"]["attach"])["body"]["event_types"] == ["affiliate.created"]


def test_modules_are_named_as_make_asks():
    labels = {
        "watchPaymentFailed": "Watch Failed Payments",
        "watchClientStatusChanged": "Watch Client Status Changes",
        "createLead": "Create a Lead",
        "createAffiliate": "Create an Affiliate",
        "updateLeadStatus": "Update a Lead Status",
        "findClient": "Search Clients",
    }
    modules = components(installed(), "module")
    assert {name: modules[name]["label"] for name in labels} == labels


def test_a_search_without_a_list_of_records_gives_its_answer():
    files = generate(AWKWARD)
    module = components(files, "module")["getTotal"]
    assert (module["moduleType"], module["label"]) == ("action", "Get a Total")
    assert read(files, module["codeFiles"]["communication"])["response"] == {"output": "{{body}}"}
    assert [field["name"] for field in read(files, module["codeFiles"]["mappableParams"])] == ["day"]


@pytest.mark.parametrize("name", ["back`tick", "{{x}}"])
def test_a_field_whose_name_would_end_an_expression_is_refused_in_a_form_and_left_out_of_filters(name: str):
    action = replace(UPDATE_TASK, input=an_object(**{name: text("Odd")}))
    with pytest.raises(ValueError, match=f"Make takes no field '{re.escape(name)}'"):
        generate(replace(TINY, actions=(action,)))
    event = replace(TASK_DONE, schema=an_object(**{name: text("Odd")}) | {"examples": [{}]}, schema_json=b"")
    assert generate(replace(TINY, event_types=(event,)))


def test_what_schemas_say_is_no_expression_to_make():
    hostile = "{{connection.api_key}}"
    note = text(f"Note {hostile}", description=hostile)
    action = replace(
        UPDATE_TASK,
        description=hostile,
        input=an_object(note=note),
        examples=(Example({}, {}, {"name": hostile}),),
    )
    event = replace(
        TASK_DONE,
        title=hostile,
        description=hostile,
        schema=an_object(task_id=note) | {"examples": [{"task_id": hostile}]},
    )
    brand = replace(TINY.brand, title=f"Tasks {hostile}", description=hostile)
    made = generate(replace(TINY, brand=brand, actions=(action,), event_types=(event,)))
    ours = generate(TINY)
    for path, content in made.items():
        assert content.count(hostile.encode()) == ours.get(path, b"").count(hostile.encode()), path
    (field,) = read(made, "modules/update-task/update-task.mappable-params.iml.json")[1:]
    assert field["label"] == "Note {\u200b{connection.api_key}}"


def test_words_of_the_brand_are_written_as_they_are():
    brand = replace(TINY.brand, title='Joe\'s "Big" \\ Tasks')
    made = generate(replace(TINY, brand=brand))
    assert components(made, "connection")["connection"]["label"] == brand.title
    (key,) = read(made, "connections/connection/connection.params.iml.json")
    assert brand.title in key["help"]
    assert not [path for path, content in made.items() if re.search(rb"%[A-Z_]+%", content)]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("create_lead", "createLead"),
        ("client-statuses", "clientStatuses"),
        ("a_b_c", "aBC"),
        ("x" * 80, None),
    ],
)
def test_an_id_stays_what_the_name_makes_it(name, made):
    assert camel(name) == (made or camel(name))
    assert len(camel(name)) <= 64


def test_long_names_that_begin_alike_have_different_ids():
    assert camel("x" * 80) != camel("x" * 81)


def test_what_cannot_be_an_id_is_told():
    with pytest.raises(ValueError, match="'1_a' makes no id for Make"):
        camel("1_a")


def test_two_modules_of_one_id_are_told():
    twin = replace(
        TINY, actions=(UPDATE_TASK, replace(UPDATE_TASK, name="update__task", path="/x/{task_id}"))
    )
    with pytest.raises(ValueError, match="more than one module would have the id updateTask"):
        generate(twin)


def test_a_condition_that_cannot_be_written_is_told():
    field = {"title": "Owner", "description": "O.", "type": "integer"}
    where = {"x-lookup": {"lookup": OWNERS.name, "where": {"name": "O'Neill"}}}
    schema = {"type": "object", "properties": {"owner_id": field | where}}
    with pytest.raises(ValueError, match="cannot be written into a condition of Make"):
        generate(replace(TINY, searches=(replace(FIND_TASK, input=schema),)))


@pytest.mark.parametrize(
    ("auth", "connections", "reference"),
    [
        ("key", {"connection": "basic"}, ("connection", None)),
        ("oauth", {"oauth": "oauth"}, ("oauth", None)),
        ("both", {"connection": "basic", "oauth": "oauth"}, ("connection", "oauth")),
    ],
)
def test_people_come_in_as_the_settings_say(auth, connections, reference):
    made = generate(replace(TINY, auth=auth))
    described = components(made, "connection")
    assert {name: connection["connectionType"] for name, connection in described.items()} == connections
    assert auth == "key" or described["oauth"]["codeFiles"]["common"] is None  # the secret is in no file
    referring = [each for kind in ("module", "webhook", "rpc") for each in components(made, kind).values()]
    used = {(each["connection"], each.get("altConnection")) for each in referring if each["connection"]}
    assert used == {reference}
    lost = set(keys(generate(TINY).get)) - set(keys(made.get))
    assert any(key.startswith("connection ") for key in lost) is (auth == "oauth")


def test_a_connection_at_an_issuer_asks_for_what_the_issuer_knows():
    made = generate(replace(TINY, auth="oauth", issuer=ISSUER))
    steps = json.loads(made["connections/oauth/oauth.oauth-communication.iml.json"])
    query = steps["authorize"]["qs"]
    assert (query["audience"], query["client_id"]) == ("https://events.example.com", "{{common.clientId}}")
    assert query["code_challenge_method"] == "S256"
    assert steps["authorize"]["url"] == ISSUER.authorization_endpoint
    assert {steps[step]["url"] for step in ("token", "refresh")} == {ISSUER.token_endpoint}
    assert "invalidate" not in steps  # an issuer without a revocation endpoint
    assert json.loads(made["connections/oauth/oauth.default-scope.iml.json"]) == list(ISSUER.scopes)
    assert b"register the app with https://login.example.com, with the redirect URI" in made["README.md"]
    assert b"Connected apps" not in b"".join(made.values())


def test_what_a_trigger_is_narrowed_by_is_chosen_where_the_schema_has_a_lookup():
    made = installed()
    (form, polled) = (
        json.loads(made[f"{path}.iml.json"])
        for path in (
            "webhooks/watch-lead-created/watch-lead-created.params",
            "modules/poll-events/poll-events.static-params",
        )
    )
    options = {field["name"]: field.get("options") for field in form}
    assert options["only_status_id"] == "rpc://listClientStatuses"
    assert options["only_affiliate_id"] == "rpc://listAffiliates"
    (filters,) = (field for field in polled if field["name"] == "filters")
    assert "rpc://listEmployees" in {
        field.get("options") for field in filters["spec"] if isinstance(field.get("options"), str)
    }


def test_what_archives_or_restores_keeps_the_record():
    wanted = {
        "archiveClient": "update",
        "restoreClient": "update",
        "deleteClientNote": "delete",
        "createClient": "create",
    }
    modules = components(installed(), "module")
    assert {name: modules[name]["actionCrud"] for name in wanted} == wanted


def test_a_field_that_yields_to_another_has_its_list_too():
    made = installed()
    path = "modules/create-client/create-client.mappable-params.iml.json"
    options = {field["name"]: field.get("options") for field in json.loads(made[path])}
    assert options["status"] == "rpc://listClientStatusesByNameWhereIsLeadFalse"
    assert options["status_id"] == "rpc://listClientStatusesWhereIsLeadFalse"


@pytest.mark.parametrize("is_required", [False, True])
def test_an_optional_collection_asks_for_none_of_its_fields(*, is_required):
    home = an_object("city", city=text("City"), zip=text("ZIP")) | {"title": "Home"}
    people = {"type": "array", "title": "People", "items": an_object("name", name=text("Name"))}
    asked = an_object(*(["home"] if is_required else []), home=home, people=people)
    product = replace(TINY, actions=(replace(UPDATE_TASK, input=asked),))
    path = "modules/update-task/update-task.mappable-params.iml.json"
    form = {field["name"]: field for field in json.loads(generate(product)[path])}
    assert ["required" in field for field in form["home"]["spec"]] == [is_required, False]
    assert form["people"]["spec"][0]["required"], "an entry of a list is there only if somebody adds it"
