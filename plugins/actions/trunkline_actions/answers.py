"""Reads a product's response: a 2xx is an answer, a 4xx with a sentence is a refusal, the rest are failures."""

from typing import Any, TypeVar

import msgspec

from trunkline import Answer, Call, EmittedEvent, FieldError
from trunkline.routes import HttpResponse, ProviderFailed, ProviderRefused

MAX_BYTES = 64 * 1024
"""Largest number of bytes that are read from an answer."""
_FORWARDED_HEADER = "retry-after"
Form = TypeVar("Form", bound=msgspec.Struct)


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    payload: dict[str, Any]
    metadata: dict[str, Any] | None = None


class _Success(msgspec.Struct, forbid_unknown_fields=True):
    output: dict[str, Any]
    events: list[_Event] = []
    is_new: bool = True


class _Fault(msgspec.Struct):
    path: str
    message: str


class _Refusal(msgspec.Struct):
    """The members of a problem document (RFC 9457) that are used here."""

    detail: str
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
            EmittedEvent(call.company_id, event.type, event.payload, event.metadata)
            for event in success.events
        ]
        return Answer(success.output, events, success.is_new)
    if 400 <= status <= 499 and status != 401:
        refusal = _decode(response, _Refusal, name)
        errors = [FieldError(fault.path, fault.message) for fault in refusal.errors]
        refused = ProviderRefused(status, refusal.detail, errors=errors)
        if _FORWARDED_HEADER in response.headers:
            refused.headers[_FORWARDED_HEADER] = response.headers[_FORWARDED_HEADER]
        raise refused
    reason = "the provider did not accept the signature" if status == 401 else "the provider failed"
    raise ProviderFailed(name, f"{reason} (status {status})")


def _decode(response: HttpResponse, form: type[Form], name: str) -> Form:
    if len(response.body) >= MAX_BYTES:
        raise ProviderFailed(name, f"the provider answered with {MAX_BYTES // 1024} KiB or more")
    try:
        return msgspec.json.decode(response.body, type=form)
    except msgspec.DecodeError as error:  # msgspec's ValidationError is a DecodeError
        reason = f"the provider's answer is not of the right form (status {response.status}): {error}"
        raise ProviderFailed(name, reason) from None
