"""The requests that the pages show: the hub's request for an event, and a caller's request for an operation."""

import http
import json
import shlex
from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from trunkline import Definition, EventType, Json, Signer, __version__
from trunkline.pages import Example, sample_envelope
from trunkline.routes import CALL_PREFIX

SECRET = "whsec_dHJ1bmtsaW5lIGRvY3VtZW50YXRpb24gZXhhbXBsZSE="  # noqa: S105 - published, so that a signature can be checked
TIMESTAMP = 1769596201
"""A second after the example event was created."""
RECEIVER_HOST = "hooks.example.com"
RECEIVER_PATH = "/events"
TARGET_URL = f"https://{RECEIVER_HOST}{RECEIVER_PATH}"
_CURSOR = "ZTE6NDU2Nzg"
_DELIVERY_ID = "dlv_45678_1"
_EVENT_ID = 45678
_LINE = 60
"""Longest body, in characters, that is shown on one line."""
_FROM = "2026-01-28T00:00:00Z"
_SUBSCRIPTIONS = "/api/v1/webhooks/subscriptions"


class Pushed(Struct, frozen=True):
    """The request for an event. *body* is signed; *readable* is the same body on several lines."""

    headers: tuple[tuple[str, str], ...]
    body: str
    readable: str

    @property
    def head(self) -> str:
        """The request line and the headers, as they are sent."""
        lines = [f"POST {RECEIVER_PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\n".join(lines)


class Called(Struct, frozen=True):
    """A call as a shell command, and its answer."""

    command: str
    status: str
    answer: str


def pushed(event_type: EventType) -> Pushed:
    """Make the request for the example of *event_type*; numbers keep their digits."""
    envelope = sample_envelope(event_type)
    example = msgspec.Raw(event_type.example_json)
    body = msgspec.json.encode(envelope | {"payload": example})
    signed = Signer("standard", secrets=(SECRET,)).headers(
        str(envelope["id"]), timestamp=TIMESTAMP, body=body
    )
    headers = {
        "host": RECEIVER_HOST,
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": f"trunkline/{__version__}",
        **signed,
        "content-type": "application/json",
        "trunkline-event-type": event_type.name,
        "trunkline-delivery-id": _DELIVERY_ID,
        "trunkline-attempt": "1",
        "trunkline-cursor": _CURSOR,
        "content-length": str(len(body)),
    }
    return Pushed(tuple(headers.items()), body.decode(), msgspec.json.format(body, indent=2).decode())


def called(definition: Definition, example: Example, *, api_url: str) -> Called:
    """Write the call of *example*, with the API key in a variable."""
    path = definition.path
    for name, value in example.parameters.items():
        path = path.replace(f"{{{name}}}", str(value))
    url = f"{api_url}/api/v1{CALL_PREFIX}{path}"
    status = http.HTTPStatus(definition.success_status)
    is_read = definition.method == "GET"
    body = example.input if definition.takes_body and not is_read else None
    command = _curl(definition.method, url, query=example.input if is_read else {}, body=body)
    return Called(command, f"{status.value} {status.phrase}", _indented(example.output))


def subscribing(event_type: str, *, api_url: str, **options: Json) -> str:
    """Write the call that subscribes to events of *event_type* by webhook, with *options* of the subscription."""
    url = f"{api_url}{_SUBSCRIPTIONS}"
    return _curl("POST", url, body={"target_url": TARGET_URL, "event_types": [event_type], **options})


def polling(event_type: str, *, api_url: str) -> str:
    """Write the call that reads events of *event_type*, or of every type if *event_type* is empty."""
    return _curl("GET", f"{api_url}/api/v1/events", query={"types": event_type} if event_type else {})


def operating(*, api_url: str) -> Mapping[str, str]:
    """Write the calls that manage a subscription, whose id is in a variable."""
    subscription = f"{api_url}{_SUBSCRIPTIONS}/$SUBSCRIPTION"
    log = f"{api_url}/api/v1/events"
    forward = "--forward http://localhost:3000/hook"
    listen = f'TRUNKLINE_KEY="$API_KEY" trunkline-listen --url {shlex.quote(api_url)} {forward}'
    return {
        "pause": _curl("PATCH", subscription, body={"status": "paused"}),
        "resume": _curl("PATCH", subscription, body={"status": "active"}),
        "go_on": _curl("GET", log, query={"cursor": _CURSOR}),
        "count": _curl("GET", f"{log}/digest", query={"from": _FROM, "subscription": "$SUBSCRIPTION"}),
        "explain": _curl("GET", f"{log}/{_EVENT_ID}/explain"),
        "rotate": _curl("POST", f"{subscription}/rotate-secret", body={"overlap_seconds": 86_400}),
        "listen": f"pip install trunkline-client\n{listen}",
        "test": _curl("POST", f"{subscription}/test"),
        "move": _curl("PATCH", subscription, body={"target_url": TARGET_URL}),
        "filter": _curl("PATCH", subscription, body={"filter": {"metadata.source": {"ne": "test"}}}),
        "replay_failed": _curl("POST", f"{subscription}/replay", body={"only_failed": True}),
        "replay_range": _curl("POST", f"{subscription}/replay", body={"from": _FROM, "dry_run": True}),
    }


def _curl(
    method: str, url: str, *, query: Mapping[str, Json] = MappingProxyType({}), body: Json = None
) -> str:
    verb = "curl --get" if query else "curl" if method == "GET" else f"curl -X {method}"
    lines = [f"{verb} {_quoted(url)}", '-H "X-Api-Key: $API_KEY"']
    for name, value in query.items():
        text = value if isinstance(value, str) else json.dumps(value)
        lines.append(f"--data-urlencode {_quoted(f'{name}={text}')}")
    if body is not None:
        on_one_line = json.dumps(body, ensure_ascii=False)
        text = on_one_line if len(on_one_line) <= _LINE else _indented(body)
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(text)}"]
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    """Quote *text* for a shell.

    The variable for the id of the subscription stays unquoted, so that readers can set it.
    """
    return f'"{text}"' if "$SUBSCRIPTION" in text else shlex.quote(text)


def _indented(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
