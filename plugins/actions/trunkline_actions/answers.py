"""Reads a product's response: a 2xx is an answer, a 4xx with a sentence is a refusal, the rest are failures."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
import orjson

from trunkline import Answer, BodyInvalid, Call, EmittedEvent, FieldError
from trunkline.routes import HttpResponse, ProviderFailed, ProviderRefused, read_json

MAX_BYTES = 64 * 1024
"""Largest number of bytes that are read from an answer."""
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
Form = TypeVar("Form", bound=msgspec.Struct)
_Members = dict[str, msgspec.Raw]
"""An object whose members are kept as JSON, because numbers lose digits if they are parsed."""


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    payload: _Members
    metadata: _Members | None = None


class _Success(msgspec.Struct, forbid_unknown_fields=True):
    output: _Members
    events: list[_Event] = []
    is_new: bool = True


class _Fault(msgspec.Struct):
    path: str
    message: str


class _Refusal(msgspec.Struct):
    """The members of a problem document (RFC 9457) that are used here."""

    detail: Annotated[str, msgspec.Meta(pattern=r"\S")]
    errors: list[_Fault] = []


def read(response: HttpResponse, call: Call) -> Answer:
    """Read the answer to *call* from *response*; the hub checks the output and the events.

    Raises:
        ProviderRefused: the response is a 4xx with a sentence.
        ProviderFailed: any other response without an answer.
    """
    name, status = call.definition.name, response.status
    if 200 <= status <= 299:
        success = _decode(response, _Success, name)
        events = [
            EmittedEvent(call.company_id, event.type, _as_json(event.payload), _as_json(event.metadata or {}))
            for event in success.events
        ]
        return Answer(_as_json(success.output), events, success.is_new)
    if 400 <= status <= 499 and status != 401:
        refusal = _decode(response, _Refusal, name)
        errors = [FieldError(fault.path, fault.message) for fault in refusal.errors]
        refused = ProviderRefused(status, refusal.detail, errors=errors)
        if _is_wait(wait := response.headers.get("retry-after", "")):
            refused.headers["retry-after"] = wait
        raise refused
    reason = "the provider did not accept the signature" if status == 401 else "the provider failed"
    raise ProviderFailed(name, f"{reason} (status {status})")


def _is_wait(text: str) -> bool:
    """Whether *text* is a value of ``Retry-After`` (RFC 9110 §10.2.3): whole seconds, or a date."""
    if text.isascii() and text.isdigit():
        return True
    try:
        datetime.strptime(text, _HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _decode(response: HttpResponse, form: type[Form], name: str) -> Form:
    if len(response.body) >= MAX_BYTES:
        raise ProviderFailed(name, f"the provider answered with {MAX_BYTES // 1024} KiB or more")
    if not response.is_whole:
        raise ProviderFailed(name, f"the provider did not finish its answer (status {response.status})")
    try:
        compact, _ = read_json(response.body)
        return msgspec.json.decode(compact, type=form)
    except BodyInvalid as error:
        fault = f"{error.errors[0].path} {error.errors[0].message}".lstrip()
    except msgspec.DecodeError as error:
        fault = str(error)
    reason = f"the provider's answer is not of the right form (status {response.status}): {fault}"
    raise ProviderFailed(name, reason)


def _as_json(members: _Members) -> Mapping[str, orjson.Fragment]:
    return {name: orjson.Fragment(bytes(raw)) for name, raw in members.items()}
