"""A product with definitions of every form that a hub accepts: its provider answers with what it was given."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.clients.serving import Served

from trunkline.targets import signatures
from trunkline_client import Client


def described(schema: dict[str, Any]) -> dict[str, Any]:
    return {"title": "Title", "description": "Description.", **schema}


def object_of(**properties: Any) -> dict[str, Any]:
    members = {name: described(schema) for name, schema in properties.items()}
    return {"type": "object", "properties": members, "additionalProperties": False}


TEXT = {"type": "string"}
KINDS = {"type": "array", "items": object_of(name=TEXT)}
ODD = object_of(self=TEXT, idempotency_key=TEXT, input=TEXT)
FOUND = object_of(warnings={"type": "array", "items": TEXT}, results=KINDS)
DEFINITIONS = {
    "actions/order_kind": {"method": "POST", "path": "/order-kinds", "input": ODD, "output": ODD},
    "searches/find_kind": {"method": "GET", "path": "/kinds/search", "input": ODD, "output": FOUND},
    "searches/find_nothing": {"method": "GET", "path": "/nothing", "input": object_of(), "output": FOUND},
    "lookups/order-kinds": {
        "method": "GET",
        "path": "/order-kinds",
        "input": object_of(q=TEXT),
        "output": object_of(notes={"type": "array", "items": TEXT}, kinds=KINDS),
        "list": {"items": "kinds", "value": "name", "label": "name"},
    },
}


class Provider(BaseHTTPRequestHandler):
    """Answers an action with its input, and a search or a lookup with one record."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kinds = [{"name": asked["input"].get("q", "tea")}]
        found = {"search": {"warnings": ["slow"], "results": kinds}, "lookup": {"notes": [], "kinds": kinds}}
        if asked["name"] == "find_nothing":
            found["search"] = {}
        body = json.dumps({"output": found.get(asked["kind"], asked["input"])}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("product")
    for file, parts in DEFINITIONS.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        named = described(
            {"name": file.partition("/")[2], **parts, "examples": [{"input": {}, "output": {}}]}
        )
        (folder / f"{file}.json").write_text(json.dumps(named))
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as provider:
        threading.Thread(target=provider.serve_forever).start()
        product = {
            "TRUNKLINE_PLUGINS__ENABLED": "polling, actions, searches",
            "TRUNKLINE_PRODUCT__SCHEMAS": str(folder),
            "TRUNKLINE_ACTIONS__PROVIDER_URL": f"http://127.0.0.1:{provider.server_port}",
            "TRUNKLINE_ACTIONS__PROVIDER_SECRET": signatures.new_secret("standard"),
        }
        with (
            Served(f"sqlite:///{folder}/hub.db", **product) as served,
            Client(served.url, served.key) as client,
        ):
            yield client
        provider.shutdown()


def test_the_items_of_a_search_are_found_beside_another_list(hub):
    assert hub.search("find_kind") == {"name": "tea"}
    assert list(hub.search_all("find_kind")) == [{"name": "tea"}]


def test_an_answer_that_lacks_its_list_has_no_items(hub):
    assert hub.search("find_nothing") is None
    assert list(hub.search_all("find_nothing")) == []


def test_a_lookup_may_have_any_path(hub):
    assert list(hub.lookup("order-kinds", "green")) == [{"name": "green"}]


def test_a_field_may_have_any_name(hub):
    fields = {"self": "a", "idempotency_key": "b", "input": "c"}
    assert hub.act("order_kind", fields) == fields
    assert hub.act("order_kind", {"idempotency_key": "b"}, self="a", input="c", idempotency_key="k") == fields
    assert hub.search("find_kind", fields) == {"name": "tea"}
    assert list(hub.search_all("find_kind", fields)) == [{"name": "tea"}]
