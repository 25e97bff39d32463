"""Writes ``src/operations.ts`` of the TypeScript client from the same document as the Python client.

Run it after a change of routes or models::

    .venv/bin/python clients/typescript/generate.py
"""

import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trunkline.cli.typescript_export import comment, literal, member, type_of

FILE = Path(__file__).parent / "src/operations.ts"
PYTHON = runpy.run_path(str(Path(__file__).parents[1] / "python/generate.py"))
HEADERS = {"Idempotency-Key": "idempotencyKey", "If-Match": "ifMatch", "If-None-Match": "ifNoneMatch"}
HEAD = "/** The calls of the API and their bodies. Made by `clients/typescript/generate.py` from the OpenAPI document. */\n\n"
_NAMES = re.compile(r"(?<![\w\"])[A-Z]\w+(?![\w\"])")


def module(document: Mapping[str, Any]) -> str:
    """Make the file."""
    routes, operations = [], []
    for verb, path, call in PYTHON["operations"](document):
        name, given = call["operationId"], _input(call, document)
        takes_key = " key" if "idempotencyKey?" in given else ""
        routes.append(f"  {name}: {literal(f'{verb} {path}{takes_key}')},\n")
        told = comment(call.get("summary", name).rstrip(".") + ".")
        operations.append(f"  {told}\n  {name}: {{ input: {given}; output: {_output(call, document)} }};\n")
    calls = f"export interface Operations {{\n{''.join(operations)}}}\n"
    schemas = document["components"]["schemas"]
    texts = {name: type_of(schema, root=document) for name, schema in schemas.items()}
    used, todo = set[str](), [calls]
    while todo:
        new = {name for name in _NAMES.findall(todo.pop()) if name in texts} - used
        used |= new
        todo += [texts[name] for name in new]
    bodies = "".join(f"export type {name} = {text};\n" for name, text in texts.items() if name in used)
    table = f"/** Method and path of each call, and whether it takes an idempotency key. */\nexport const ROUTES = {{\n{''.join(routes)}}} as const;\n"
    return f"{HEAD}{bodies}\n{calls}\n{table}"


def _input(call: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    members = []
    for one in (PYTHON["_resolved"](one, document) for one in call.get("parameters", ())):
        if one["in"] == "header" and one["name"] not in HEADERS:
            continue  # the client sets it itself
        optional = "" if one.get("required") else "?"
        text = type_of(one["schema"], root=document)
        members.append(f"{HEADERS.get(one['name'], member(one['name']))}{optional}: {_given(text, optional)}")
    if "requestBody" in call:
        body = PYTHON["_resolved"](call["requestBody"], document)
        text = type_of(body["content"]["application/json"]["schema"], root=document)
        optional = "" if body.get("required") and " | null" not in text else "?"
        members.append(f"body{optional}: {_given(text, optional)}")
    return f"{{ {'; '.join(members)} }}" if members else "{}"


def _given(text: str, optional: str) -> str:
    return text.replace(" | null", "") if optional else text


def _output(call: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for status, answer in call["responses"].items():
        if status.startswith("2"):
            content = PYTHON["_resolved"](answer, document).get("content", {})
            parts += [] if content else ["undefined"]
            for kind, media in content.items():
                schema = media.get("schema") or {"type": "object"}
                parts.append(type_of(schema, root=document) if "json" in kind else "string")
    return " | ".join(dict.fromkeys(parts))


if __name__ == "__main__":
    FILE.write_text(module(PYTHON["document"]()))
