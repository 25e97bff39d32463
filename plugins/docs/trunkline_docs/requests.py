"""The requests that the pages show: what the hub sends for an event, and what a caller sends for an operation."""

import http
import json
import shlex
from dataclasses import dataclass
from functools import reduce

import msgspec

from trunkline import Definition, EventType, Json, Signer, __version__
from trunkline.pages import Example, sample_envelope
from trunkline.routes import CALL_PREFIX

SECRET = "whsec_dHJ1bmtsaW5lIGRvY3VtZW50YXRpb24gZXhhbXBsZSE="  # noqa: S105 - published, so that a signature can be checked
TIMESTAMP = 1769596201
"""A second after the example event was created."""
RECEIVER_HOST = "hooks.example.com"
RECEIVER_PATH = "/events"
_CURSOR = "ZTE6NDU2Nzg"
_DELIVERY_ID = "dlv_45678_1"


@dataclass(frozen=True, slots=True)
class Pushed:
    """The request that brings an event. *body* is what is signed, *readable* the same spread over lines."""

    headers: tuple[tuple[str, str], ...]
    body: str
    readable: str

    @property
    def head(self) -> str:
        """The request line and the headers, as they are sent."""
        lines = [f"POST {RECEIVER_PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Called:
    """A call as a shell sends it, and its answer."""

    command: str
    status: str
    answer: str


def pushed(event_type: EventType) -> Pushed:
    """Make the request that brings the example of *event_type*; every digit is as it was written down."""
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
    path = reduce(
        lambda text, parameter: text.replace(f"{{{parameter[0]}}}", str(parameter[1])),
        example.parameters.items(),
        definition.path,
    )
    url = f"{api_url}/api/v1{CALL_PREFIX}{path}"
    lines = _query(url, example) if definition.method == "GET" else _write(url, definition, example)
    status = http.HTTPStatus(definition.success_status)
    return Called(" \\\n  ".join(lines), f"{status.value} {status.phrase}", _indented(example.output))


def subscribing(event_type: str, *, api_url: str) -> str:
    """Write the call that asks for events of *event_type* by webhook."""
    body = {"target_url": f"https://{RECEIVER_HOST}{RECEIVER_PATH}", "event_types": [event_type]}
    return " \\\n  ".join(
        [
            "curl -X POST",
            shlex.quote(f"{api_url}/api/v1/webhooks/subscriptions"),
            '-H "X-Api-Key: $API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(_indented(body))}",
        ]
    )


def polling(event_type: str, *, api_url: str) -> str:
    """Write the call that reads events of *event_type*, or of every type where it is empty."""
    chosen = [f"--data-urlencode {shlex.quote(f'types={event_type}')}"] if event_type else []
    lines = ["curl --get", shlex.quote(f"{api_url}/api/v1/events"), '-H "X-Api-Key: $API_KEY"', *chosen]
    return " \\\n  ".join(lines)


def _query(url: str, example: Example) -> list[str]:
    values = [
        f"--data-urlencode {shlex.quote(f'{name}={_text(value)}')}" for name, value in example.input.items()
    ]
    return ["curl --get", shlex.quote(url), '-H "X-Api-Key: $API_KEY"', *values]


def _write(url: str, definition: Definition, example: Example) -> list[str]:
    lines = [f"curl -X {definition.method}", shlex.quote(url), '-H "X-Api-Key: $API_KEY"']
    if not definition.takes_body:
        return lines
    return [*lines, "-H 'Content-Type: application/json'", f"-d {shlex.quote(_indented(example.input))}"]


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _indented(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
