"""Writes ``operations.py`` and ``models.py`` of the client from the OpenAPI document of a hub without a product.

A product's own actions, searches and lookups are left out: the client calls them by ``act``, ``search`` and ``lookup``,
and ``trunkline export python`` writes their types. Run it after a change of routes or models::

    .venv/bin/python clients/python/generate.py
"""

import keyword
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trunkline import settings
from trunkline.api import documents
from trunkline.api.app import create_app
from trunkline.cli.python_types import PythonTypes, pascal
from trunkline.hub.hub import Hub

PACKAGE = Path(__file__).parent / "src/trunkline_client"
VERBS = ("get", "post", "put", "patch", "delete")
HEADERS = {"Idempotency-Key": "idempotency_key", "If-Match": "if_match", "If-None-Match": "if_none_match"}
OF_THE_CLIENT = {"X-Company-Id", "X-Environment", "Accept-Encoding", "Content-Encoding", "Accept"}
"""Headers that the client sets itself."""
JSON = "application/json"


def document() -> dict[str, Any]:
    """Make the document of a hub without a product.

    In the document, a target may be any object, because deployments have different channels.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "TRUNKLINE_DATABASE__URL": f"sqlite:///{folder}/hub.db",
            "TRUNKLINE_AUTH__PEPPER": "p" * 32,
            "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
            "TRUNKLINE_PRODUCT__SCHEMAS": folder,
            "TRUNKLINE_PLUGINS__DISABLED": "crm",
        }
        hub = Hub(settings.load(environment=environment), dispatch=False)
        made = documents.openapi(create_app(hub), hub.catalog)
    for schema in made["components"]["schemas"].values():
        if any("$ref" in one for one in schema.get("properties", {}).get("target", {}).get("anyOf", ())):
            schema["properties"]["target"] = {"type": "object", "additionalProperties": True}
    return made


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield method, path and operation of each call, in the order of the document."""
    for path, item in document["paths"].items():
        for verb in VERBS:
            if verb in item:
                yield verb.upper(), path, item[verb]


def files(document: Mapping[str, Any]) -> dict[str, str]:
    """Make both modules, unformatted."""
    types = PythonTypes(number="Decimal | float", described=False)
    methods = "\n".join(text for one in operations(document) for text in _methods(*one, document, types))
    for name in _used(methods, document):
        types.declare(name, document["components"]["schemas"][name], root=document)
    head = '"""{} Made by ``clients/python/generate.py`` from the OpenAPI document."""\n'
    return {
        "models.py": head.format("The bodies of the API's calls and answers.") + MODELS_HEAD + types.source(),
        "operations.py": head.format("Every call of the API.") + OPERATIONS_HEAD + methods,
    }


MODELS_HEAD = """
from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

"""
OPERATIONS_HEAD = '''# mypy: disable-error-code="empty-body"
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from trunkline_client.methods import operation, pages

if TYPE_CHECKING:
    from trunkline_client import models


class Operations:
    """The calls of the API, by their names in the OpenAPI document."""

'''


def snake(operation_id: str) -> str:
    """Write an operation's id as a method's name: ``emitEvent`` becomes ``emit_event``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", operation_id).lower()


def _methods(
    verb: str, path: str, call: Mapping[str, Any], document: Mapping[str, Any], types: PythonTypes
) -> Iterator[str]:
    """Yield the source of the method for one call.

    For a list with pages, also yield the source of the method that iterates over the items.
    """
    name = snake(call["operationId"])
    in_path, optional = ["self"], []
    for given in (_resolved(one, document) for one in call.get("parameters", ())):
        text = _typed(given["schema"], name, document, types)
        own = HEADERS.get(given["name"], given["name"].replace("-", "_"))
        own += "_" * keyword.iskeyword(own)
        if given["in"] == "path":
            in_path.append(f"{own}: {text}")
        elif given["in"] == "query" or given["name"] in HEADERS:
            optional.append(f"{own}: {text}" + ("" if given.get("required") else " | None = None"))
        elif given["name"] not in OF_THE_CLIENT:
            sys.exit(
                f"{call['operationId']} has the header {given['name']}: add it to HEADERS here and in methods.py"
            )
    if "{" in path:  # in the order in which the path names them
        order = re.findall(r"{(\w+)}", path)
        in_path[1:] = sorted(in_path[1:], key=lambda one: order.index(one.split(":")[0]))
    if body := _body(call, name, document, types):
        in_path.append(body)
    answer = _answer(call, name, document, types)
    summary = call.get("summary", name).rstrip(".")
    keywords = ["*", *optional] if optional else []
    yield _method(f'@operation("{verb}", "{path}")', name, [*in_path, *keywords], answer, summary)
    item = re.fullmatch(r"models\.(\w+)", answer)
    if (
        verb == "GET"
        and any(one.startswith("cursor:") for one in optional)
        and path != "/api/v1/events"
        and item
    ):
        properties = document["components"]["schemas"][item[1]]["properties"]
        [(member, schema)] = [(key, one) for key, one in properties.items() if one.get("type") == "array"]
        others = [one for one in optional if not one.startswith("cursor:")]
        keywords = ["*", *others] if others else []
        one = _typed(schema["items"], name, document, types)
        each = re.sub(r"^(list_)?", "iter_", name, count=1)
        told = f"{summary}: each one, page by page"
        yield _method(f'@pages("{path}", "{member}")', each, [*in_path, *keywords], one, told)


def _method(decorator: str, name: str, parameters: list[str], answer: str, summary: str) -> str:
    return (
        f"    {decorator}\n    def {name}({', '.join(parameters)}) -> {answer}:\n"
        f'        """{summary}."""\n        ...\n'
    )


def _body(call: Mapping[str, Any], name: str, document: Mapping[str, Any], types: PythonTypes) -> str | None:
    if "requestBody" not in call:
        return None
    body = _resolved(call["requestBody"], document)
    text = _typed(body["content"][JSON]["schema"], f"{name}_body", document, types)
    is_optional = not body.get("required") or " | None" in text
    return f"body: {text.replace(' | None', '')} | None = None" if is_optional else f"body: {text}"


def _answer(call: Mapping[str, Any], name: str, document: Mapping[str, Any], types: PythonTypes) -> str:
    parts: list[str] = []
    for status, answer in call["responses"].items():
        if not status.startswith("2"):
            continue
        content = _resolved(answer, document).get("content", {})
        if not content:
            parts.append("None")
        for kind, media in content.items():
            if "json" not in kind:
                parts.append("str")
            else:
                schema = media.get("schema") or {"type": "object"}
                parts.append(_typed(schema, f"{name}_answer", document, types))
    return " | ".join(dict.fromkeys(parts))


def _typed(schema: Mapping[str, Any], name: str, document: Mapping[str, Any], types: PythonTypes) -> str:
    text = types.type_of(schema, name=pascal(name), root=document)
    known = {
        *document["components"]["schemas"],
        *re.findall(r"^(?:class )?(\w+)[ (]", types.source(), re.MULTILINE),
    }
    return re.sub(
        r"(?<!['\w])\w+(?!['\w])", lambda match: f"models.{match[0]}" if match[0] in known else match[0], text
    )


def _resolved(node: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameter, body or answer to which *node* refers; *node* itself if it is not a reference."""
    if "$ref" not in node:
        return node
    found: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return _resolved(found, document)


def _used(methods: str, document: Mapping[str, Any]) -> list[str]:
    """List the names of the components to which the methods refer, directly or indirectly, in the document's order."""
    schemas = document["components"]["schemas"]
    wanted = {name for name in re.findall(r"models\.(\w+)", methods) if name in schemas}
    todo = list(wanted)
    while todo:
        for name in re.findall(r"#/components/schemas/(\w+)", str(schemas[todo.pop()])):
            if name not in wanted:
                wanted.add(name)
                todo.append(name)
    return [name for name in schemas if name in wanted]


def formatted(name: str, text: str) -> str:
    """Return *text* formatted by the project's rules for the module *name*."""
    for command in (["check", "--fix-only"], ["format"]):
        ruff = [
            Path(sys.executable).with_name("ruff"),
            *command,
            "--quiet",
            "--stdin-filename",
            PACKAGE / name,
            "-",
        ]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    for name, text in files(document()).items():
        (PACKAGE / name).write_text(formatted(name, text))
