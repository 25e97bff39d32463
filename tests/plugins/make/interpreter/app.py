"""A whole app, executed: connection, modules, RPCs, the attached webhook and the polling trigger."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .forms import fill_in
from .requests import Sender, items, parse_json
from .templates import render
from .values import NotUnderstood

DEFAULT_TRIGGER_LIMIT = 1


@dataclass
class App:
    """An app in Make's format for local development: *files* by path."""

    files: Mapping[str, bytes]
    connection: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.manifest = self.read("makecomapp.json")
        self.base = self.read(self.manifest["generalCodeFiles"]["base"])
        self.sender = Sender(self.base)

    def read(self, path: str) -> Any:
        return json.loads(self.files[path])

    def code(self, kind: str, component_id: str, name: str) -> Any:
        return self.read(self.manifest["components"][kind][component_id]["codeFiles"][name])

    def modules(self, kind: str) -> list[str]:
        modules: Mapping[str, Any] = self.manifest["components"]["module"]
        return [name for name, module in modules.items() if module["moduleType"] == kind]

    def connection_of(self, kind: str) -> str:
        """Find the connection of a kind: ``basic`` or ``oauth``."""
        described: Mapping[str, Any] = self.manifest["components"]["connection"]
        (name,) = [name for name, connection in described.items() if connection["connectionType"] == kind]
        return name

    def connect(self, **values: Any) -> dict[str, Any]:
        """Make the connection; return its ``uid`` and its visible label. Raises MakeError."""
        name = self.connection_of("basic")
        block = self.code("connection", name, "communication")
        parameters = fill_in(self.code("connection", name, "params"), values)
        sender = Sender({}, self.sender.log)
        seen = sender.send(block, {"parameters": parameters})
        self.connection = parameters | render(block["response"].get("data", {}), seen)
        response = block["response"]
        return {"uid": render(response["uid"], seen), "label": render(response["metadata"]["value"], seen)}

    def run(self, module: str, **values: Any) -> list[Any]:
        """Run an action, a search or the universal module; return its bundles. Raises MakeError, FormRefused."""
        form = [*self.code("module", module, "staticParams"), *self.code("module", module, "mappableParams")]
        context = self.context(parameters=fill_in(form, values))
        return self._collect(self.code("module", module, "communication"), context)

    def call(self, rpc: str) -> list[Any]:
        """Call an RPC, as Make does for a dropdown."""
        return self._collect(self.code("rpc", rpc, "communication"), self.context(parameters={}))

    def _collect(self, block: Mapping[str, Any], context: dict[str, Any]) -> list[Any]:
        response = block["response"]
        if "iterate" not in response:
            return [render(response["output"], self.sender.send(block, context))]
        limit = render(response["limit"], context)
        bundles: list[Any] = []
        for _, seen in self.sender.pages(block, context):
            bundles += [render(response["output"], item) for item in items(response, seen)]
            if len(bundles) >= limit:
                break
        return bundles[:limit]

    def context(self, **variables: Any) -> dict[str, Any]:
        """Make the variables of every module of the app, and *variables*."""
        return {"connection": self.connection, "temp": {}} | variables


class Webhook:
    """A webhook of an instant trigger: attached, called, changed and detached."""

    def __init__(self, app: App, module: str, *, url: str) -> None:
        self.app, self.module = app, module
        self.name = app.manifest["components"]["module"][module]["webhook"]
        self.data: dict[str, Any] = {"url": url}

    def attach(self, **values: Any) -> None:
        self._procedure("attach", values)

    def update(self, **values: Any) -> None:
        """Register again after a change of the form."""
        self._procedure("update", values)

    def detach(self) -> None:
        self._procedure("detach", {})

    def receive(self, headers: Mapping[str, str], body: bytes) -> tuple[int, list[Any]]:
        """Take a call; return the status for the service, and the trigger's bundles.

        Raises MakeError if the trigger's own request is refused.
        """
        block = self.app.code("webhook", self.name, "communication")
        if odd := set(block) - {"condition", "output", "respond"}:
            msg = f"'{min(odd)}' in a webhook"
            raise NotUnderstood(msg)
        context: dict[str, Any] = {
            "webhook": self.data,
            "headers": {name.lower(): value for name, value in headers.items()},
            "body": parse_json(body),
        }
        status: int = block["respond"]["status"]
        if render(block["condition"], context) is not True:
            return status, []
        return status, self._trigger(render(block["output"], context))

    def _trigger(self, payload: Any) -> list[Any]:
        app = self.app
        block = app.code("module", self.module, "communication")
        context = app.context(payload=payload, webhook=self.data, parameters={})
        rule = block["condition"]
        if render(rule["condition"], context) is not True:
            return [render(rule["default"], context)]
        seen = app.sender.send({key: value for key, value in block.items() if key != "condition"}, context)
        return [render(block["response"]["output"], seen)]

    def _procedure(self, code: str, values: Mapping[str, Any]) -> None:
        """Run a remote procedure of one or more requests; the webhook keeps the values that it saves."""
        app = self.app
        blocks = app.code("webhook", self.name, code)
        form = app.code("webhook", self.name, "params") if values else []
        context = app.context(parameters=fill_in(form, values), webhook=dict(self.data))
        saved: dict[str, Any] = {}
        for block in blocks if isinstance(blocks, list) else [blocks]:
            context["temp"] |= render(block.get("temp", {}), context)
            if render(block.get("condition", True), context) is not True:
                continue
            seen = app.sender.send(
                {key: value for key, value in block.items() if key not in {"temp", "condition"}}, context
            )
            response = block.get("response", {})
            context["temp"] |= render(response.get("temp", {}), seen)
            saved |= render(response.get("data", {}), seen)
        self.data |= saved


class Poller:
    """A polling trigger in a scenario: it keeps the id of the last item, as Make does."""

    def __init__(self, app: App, module: str, **values: Any) -> None:
        self.app, self.module = app, module
        self.parameters = fill_in(app.code("module", module, "staticParams"), values)
        self.data: dict[str, Any] = {}

    def run(self) -> list[Any]:
        """Run the scenario once; return the new items, oldest first, up to the limit."""
        block = self.app.code("module", self.module, "communication")
        response, trigger = block["response"], block["response"]["trigger"]
        if (trigger["type"], trigger["order"]) != ("id", "asc"):
            msg = f"a trigger by {trigger['type']}, {trigger['order']}"
            raise NotUnderstood(msg)
        context = self._context()
        limit = render(response.get("limit", DEFAULT_TRIGGER_LIMIT), context)
        pairs: list[tuple[int, Any]] = []
        for _, seen in self.app.sender.pages(block, context):
            for item in items(response, seen):
                number = render(trigger["id"], item)
                if number > self.data.get("lastID", 0):
                    pairs.append((number, render(response["output"], item)))
            if len(pairs) >= limit:
                break
        taken = sorted(pairs, key=lambda pair: pair[0])[:limit]
        if taken:
            self.data["lastID"] = taken[-1][0]
        return [output for _, output in taken]

    def epoch(self, *, deep: bool = True) -> list[dict[str, Any]]:
        """List the possible starting items, each with its ``id``; the epoch's request overrides the trigger's.

        Make's documentation does not say whether nested objects are replaced, or merged by key (*deep*).
        """
        block = self.app.code("module", self.module, "communication")
        over = self.app.code("module", self.module, "epoch")
        merged = block | over | {"response": block["response"] | over["response"]}
        if deep:
            merged["qs"] = block["qs"] | over["qs"]
        response, trigger = merged["response"], block["response"]["trigger"]
        listed: list[dict[str, Any]] = []
        for _, seen in self.app.sender.pages(merged, self._context()):
            listed += [
                {"id": render(trigger["id"], item), **render(response["output"], item)}
                for item in items(response, seen)
            ]
            if len(listed) >= response["limit"]:
                break
        return listed[: response["limit"]]

    def start_after(self, event_id: int) -> None:
        """Start after an item of the epoch, so that only newer items come."""
        self.data["lastID"] = event_id

    def _context(self) -> dict[str, Any]:
        return self.app.context(parameters=self.parameters, data=self.data)
