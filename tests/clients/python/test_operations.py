"""Every operation of the OpenAPI document has a method; each is called on a real hub, whose answers agree with the document."""

import asyncio
import contextlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
from tests.clients.serving import Served

from trunkline_client import AsyncClient, Client, HubError

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "clients/python/src/trunkline_client"
REMEDY = "Run: .venv/bin/python clients/python/generate.py"
TARGET = "https://example.com/hook"
PAYMENT = {"payment_id": 1, "invoice_id": 2, "client_id": 3, "amount_attempted": 9, "failure_reason": "x"}
OWN = {"create_employee": "a route of the bundled product's plugin, for which there is `call`"}


def test_the_generated_modules_are_those_of_the_document():
    spec = importlib.util.spec_from_file_location("generate_client", ROOT / "clients/python/generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    made = generate.files(generate.document())
    for name in ("models.py", "operations.py"):
        assert generate.formatted(name, made[name]) == (PACKAGE / name).read_text(), (
            f"{name} is old. {REMEDY}"
        )


HOOK = {"target_url": TARGET, "event_type": "client.created"}
BODIES = {
    "create_company": {"reference": "another"},
    "create_make_hook": HOOK,
    "create_n8n_hook": HOOK,
    "create_subscription": {
        "channel": "webhooks",
        "target_url": f"{TARGET}/2",
        "event_types": ["client.created"],
    },
    "create_zapier_hook": HOOK,
    "emit_events": {"events": [{"type": "payment.failed", "payload": PAYMENT}]},
    "emit_test_event": {"type": "client.created"},
    "release_quarantined_events": {"type": "client.created"},
    "update_affiliate": {"first_name": "Joan"},
    "update_client": {"first_name": "Joan"},
    "update_client_status": {"new_status": "Client - Active"},
}
"""Bodies for operations whose examples in the document are missing or do not fit this hub."""


class Walk:
    """Calls each operation of *document* once by *hub*: objects are made first and deleted last."""

    def __init__(self, hub: Any, run: Callable[[Any], Any]) -> None:
        self._hub = hub
        self._run = run
        self.document = run(hub.call("GET", "/openapi.json"))
        self._actions = {(one["method"], one["path"]): one for one in run(hub.list_actions())["actions"]}
        self._searches = {(one["method"], one["path"]): one for one in run(hub.list_searches())["searches"]}

    def prepare(self) -> None:
        """Make an object of each kind, whose ids are used in the paths."""
        hub, run = self._hub, self._run
        event = run(hub.emit_test_event({"type": "client.created"}))
        subscription = {"target_url": TARGET, "event_types": ["*"], "start": "earliest"}
        company = run(hub.create_company({"reference": "walked"}))
        lead = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}
        client = run(hub.act("create_client", **lead))["client_id"]
        note = run(hub.act("add_client_note", client_id=client, text="x"))["client_note_id"]
        self._ids = {
            "event_id": event["id"],
            "subscription_id": run(hub.create_webhook_subscription(subscription))["id"],
            "replay_id": "rpl_none",
            "delivery_id": "dlv_none",
            "quarantine_id": "qtn_none",
            "connection_id": "con_none",
            "erasure_id": "era_none",
            "key_id": run(hub.create_key({"company_id": 92, "name": "k", "scopes": ["events:read"]}))["id"],
            "company_id": company["id"],
            "app_id": run(hub.create_app({"name": "A", "redirect_uris": ["https://a.example/b"]}))[
                "client_id"
            ],
            "hook_id": "sub_none",
            "client_id": client,
            "client_note_id": note,
            "affiliate_id": run(hub.act("create_affiliate", **lead))["affiliate_id"],
            "name": "client.created",
        }

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Give method, path and operation of each, the deletions last."""
        listed = [
            (verb.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for verb, operation in item.items()
            if verb in {"get", "post", "put", "patch", "delete"}
        ]
        yield from sorted(listed, key=lambda one: (one[0] == "DELETE", one[0] != "GET", -one[1].count("{")))

    def call(self, verb: str, path: str, operation: Mapping[str, Any]) -> None:
        """Call an operation by its method, or by ``act``, ``search`` and ``lookup``. Raises HubError."""
        name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", operation["operationId"]).lower()
        ids = {key: self._ids.get(key, "none") for key in re.findall(r"{(\w+)}", path)}
        kinds = {
            "/schemas/actions": "create_lead",
            "/schemas/searches": "find_lead",
            "/schemas/lookups": "clients",
        }
        if path.startswith(("/api/v1/event-types/", *kinds)):
            ids["name"] = next(
                (one for kind, one in kinds.items() if path.startswith(kind)), "client.created"
            )
        body = BODIES.get(name) or self._body(operation)
        query = self._query(operation)
        if (action := self._actions.get((verb, path))) is not None:
            self._run(self._hub.act(action["name"], **(ids | (body or {}))))
        elif (search := self._searches.get((verb, path))) is not None:
            self._run(
                self._hub.search(
                    search["name"],
                    **(ids | query | ({"email": "j@example.com"} if "/search" in path else {})),
                )
            )
        elif path.startswith("/api/v1/integrations/lookups/"):
            self._run(anext_or_next(self._hub.lookup(path.rpartition("/")[2])))
        elif name in OWN or (verb == "PUT" and ("PATCH", path) in self._actions):
            self._run(self._hub.call(verb, path.format(**ids), body))
        else:
            method = getattr(self._hub, name, None)
            assert method, f"The client has no method for {verb} {path}. {REMEDY}"
            self._run(method(*ids.values(), *([] if body is None else [body]), **query))

    def _body(self, operation: Mapping[str, Any]) -> Any:
        given = self._resolved(operation.get("requestBody"))
        return None if given is None else self._example(given["content"]["application/json"]["schema"])

    def _query(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        parameters = [self._resolved(one) for one in operation.get("parameters", ())]
        return {
            one["name"]: self._example(one["schema"])
            for one in parameters
            if one["in"] == "query" and one.get("required")
        }

    def _example(self, schema: Any) -> Any:
        schema = self._resolved(schema)
        if "examples" in schema or "example" in schema:
            return schema.get("example", (schema.get("examples") or [None])[0])
        for part in schema.get("anyOf", ()):
            return self._example(part)
        if "properties" in schema:
            return {key: self._example(schema["properties"][key]) for key in schema.get("required", ())}
        return {"string": "x", "integer": 1, "array": [], "object": {}, "boolean": False}.get(
            schema.get("type")
        )

    def _resolved(self, node: Any) -> Any:
        while isinstance(node, Mapping) and "$ref" in node:
            found: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def check(self, operation: Mapping[str, Any], answer: httpx2.Response) -> None:
        """Compare *answer* with the document's description of *operation*."""
        known = {status: self._resolved(one) for status, one in operation["responses"].items()}
        assert str(answer.status_code) in known, (answer.status_code, answer.text)
        content = known[str(answer.status_code)].get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if "json" in kind and "schema" in content.get(kind, {}):
            whole = {**content[kind]["schema"], "components": self.document["components"]}
            jsonschema.Draft202012Validator(whole).validate(answer.json())


def anext_or_next(items: Any) -> Any:
    if hasattr(items, "__anext__"):
        return anext(items, None)
    return next(items, None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_every_operation_is_called_and_answers_as_the_document_says(kind, sqlite_database_url):
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(Served(sqlite_database_url, TRUNKLINE_PLUGINS__ENABLED=""))
        runner = stack.enter_context(asyncio.Runner())
        hub: Any = (Client if kind == "blocking" else AsyncClient)(
            served.url, served.key_of(None), company=92
        )

        async def awaited(value: Any) -> Any:
            return await value

        run = (lambda value: value) if kind == "blocking" else (lambda value: runner.run(awaited(value)))
        stack.callback(lambda: run(hub.close()))
        walk = Walk(hub, run)
        walk.prepare()
        answers: list[httpx2.Response] = []

        def note(answer: httpx2.Response) -> None:
            answer.read()
            answers.append(answer)

        async def note_async(answer: httpx2.Response) -> None:
            await answer.aread()
            answers.append(answer)

        hub._http.event_hooks["response"].append(note_async if kind == "asyncio" else note)
        walk_all(walk, answers)


def walk_all(walk: Walk, answers: list[httpx2.Response]) -> None:
    """Call every operation, and compare each of *answers* with the document."""
    succeeded: set[str] = set()
    faults: list[str] = []
    walked = 0
    for verb, path, operation in walk.operations():
        answers.clear()
        try:
            walk.call(verb, path, operation)
        except HubError as error:
            print(verb, path, error)
        walked += 1
        assert answers, f"{verb} {path} was not called"
        called = re.sub(r"{\w+}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))
        assert answers[-1].request.method == verb
        assert re.fullmatch(called, answers[-1].request.url.path), (path, answers[-1].request.url)
        try:
            walk.check(operation, answers[-1])
        except (AssertionError, jsonschema.ValidationError) as fault:
            faults.append(f"{verb} {path}: {str(fault)[:600]}")
        if answers[-1].is_success:
            succeeded.add(operation["operationId"])
    assert faults == []
    assert walked > 90
    assert len(succeeded) > 85  # the others name objects that do not exist here
