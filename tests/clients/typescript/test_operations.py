"""Every operation of the OpenAPI document is a method of the client, and each is called on a real hub."""

import json
import re
import runpy
import shutil
import subprocess
from typing import Any

import httpx2
import pytest
from tests.clients.python.test_operations import Walk, walk_all
from tests.clients.serving import Served
from tests.clients.typescript.conftest import HERE, ROOT
from tests.plugins import npm

from trunkline_client import HubError


def test_the_generated_file_is_that_of_the_document():
    generate = runpy.run_path(str(ROOT / "clients/typescript/generate.py"))
    made = generate["module"](generate["PYTHON"]["document"]())
    remedy = "operations.ts is old. Run: .venv/bin/python clients/typescript/generate.py"
    assert made == (ROOT / "clients/typescript/src/operations.ts").read_text(), remedy


class NodeHub:
    """The client in a Node process, under the names of the Python client's methods."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.answers: list[httpx2.Response] = []
        document = self.call("GET", "/openapi.json")
        self._operations = {
            re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", one["operationId"]).lower(): (
                one["operationId"],
                re.findall(r"{(\w+)}", path),
            )
            for path, item in document["paths"].items()
            for one in item.values()
            if "operationId" in one
        }

    def __getattr__(self, name: str) -> Any:
        operation, in_path = self._operations[name]

        def call(*given: Any, **query: Any) -> Any:
            body = {"body": given[-1]} if len(given) > len(in_path) else {}
            return self._do("call", operation, dict(zip(in_path, given, strict=False)) | query | body)

        return call

    def act(self, name: str, /, **values: Any) -> Any:
        return self._do("act", name, values)

    def search(self, name: str, /, **values: Any) -> Any:
        return self._do("search", name, values)

    def lookup(self, name: str) -> Any:
        return iter([self._do("lookup", name)])

    def call(self, verb: str, path: str, body: Any = None) -> Any:
        return self._do("request", verb, path, {} if body is None else {"body": body})

    def _do(self, method: str, *args: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"method": method, "args": args}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        self.answers += [
            httpx2.Response(
                one["status"],
                headers={"content-type": one["type"]},
                content=one["body"].encode(),
                request=httpx2.Request(one["method"], one["url"]),
            )
            for one in told["answers"]
        ]
        if error := told.get("error"):
            assert error["status"] > 0, error["detail"]
            raise HubError(error["status"], error["detail"])
        return told["content"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_operation_is_called_and_answers_as_the_document_says(installed, sqlite_database_url):
    shutil.copy(HERE / "programs/driver.mjs", installed)
    with Served(sqlite_database_url, TRUNKLINE_PLUGINS__ENABLED="") as served:
        environment = npm.node_environment() | {"HUB_URL": served.url, "HUB_KEY": served.key_of(None)}
        with subprocess.Popen(
            ["node", "driver.mjs"],
            cwd=installed,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            hub = NodeHub(process)
            walk = Walk(hub, lambda value: value)
            walk.prepare()
            walk_all(walk, hub.answers)
            assert process.stdin
            process.stdin.close()
