"""Commands to try in a terminal."""

import shlex
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import orjson

from trunkline import Definition, EventType, Json
from trunkline.pages import Example
from trunkline.routes import CALL_PREFIX

KEY = "YOUR_API_KEY"


def line(
    url: str, *, body: Mapping[str, Json] | None = None, method: str | None = None, key: str = KEY
) -> str:
    """Write a call of *url* as a command with a placeholder for the *key*; a *body* is posted."""
    parts = [f"curl {f'-X {method} ' if method else ''}{shlex.quote(url)}", f"-H 'X-Api-Key: {key}'"]
    if body is not None:
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(orjson.dumps(body).decode())}"]
    return " \\\n  ".join(parts)


def call(base_url: str, definition: Definition, example: Example) -> str:
    """Write the command that carries out the example of an action, a search or a lookup."""
    path = definition.path
    for name, value in example.parameters.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    url = f"{base_url}/api/v1{CALL_PREFIX}{path}"
    if definition.method != "GET":
        method = None if definition.method == "POST" else definition.method
        return line(url, body=example.input if definition.takes_body else None, method=method)
    texts = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in example.input.items()
    }
    query = urlencode(texts)
    return line(f"{url}?{query}" if query else url)


def send_event(base_url: str, kind: EventType) -> str:
    """Write the command that sends the example event of a type."""
    return line(f"{base_url}/api/v1/events", body={"type": kind.name, "payload": dict(kind.example)})
