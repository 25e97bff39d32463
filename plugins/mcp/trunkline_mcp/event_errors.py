"""The errors of MCP Events, each with the sentence that says what to do."""

from collections.abc import Mapping
from typing import Literal

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from trunkline import FieldError, Json, Refused
from trunkline_mcp.event_codes import NUMBERS, Numbering

Reason = Literal["connection_refused", "timeout", "tls_error", "http_4xx", "http_5xx", "challenge_failed"]
"""The fault of a callback. It has no details, so that nobody can explore a network with callbacks."""
_MAX_FAULTS = 20
_REASONS: Mapping[Reason, str] = {
    "connection_refused": "it cannot be reached",
    "timeout": "it did not answer in time",
    "tls_error": "its TLS certificate or connection is not valid",
    "http_4xx": "it refused the challenge",
    "http_5xx": "it failed",
    "challenge_failed": 'it did not answer 2xx with {"challenge": …} as it was sent',
}


class EventErrors:
    """Makes errors with the numbers of *numbering*."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbers = NUMBERS[numbering]

    def unknown_event(self, name: str) -> MCPError:
        """There is no event of that name."""
        sentence = f"There is no event '{name[:100]}' here; events/list has those that there are."
        return MCPError(self._numbers["NotFound"], sentence, {"kind": "event"})

    def unknown_subscription(self) -> MCPError:
        """The caller has no such subscription."""
        sentence = "There is no subscription of yours with this name, these arguments and this URL."
        return MCPError(self._numbers["NotFound"], sentence, {"kind": "subscription"})

    def forbidden(self, scope: str) -> MCPError:
        """The key lacks a scope."""
        sentence = f"This API key lacks the scope '{scope}'; use a key that has it."
        return MCPError(self._numbers["Forbidden"], sentence, {"scope": scope})

    def exhausted(self, limit: str, refusal: Refused) -> MCPError:
        """The rate limit named *limit* is reached."""
        data: dict[str, Json] = {"limit": limit}
        if wait := refusal.headers.get("Retry-After"):
            data["retryAfterMs"] = int(wait) * 1000
        return MCPError(self._numbers["ResourceExhausted"], refusal.detail, data)

    def too_many(
        self, limit: str, sentence: str, *, most: int, retry_after_ms: int | None = None
    ) -> MCPError:
        """The number allowed by the limit named *limit* is reached."""
        wait: dict[str, Json] = {} if retry_after_ms is None else {"retryAfterMs": retry_after_ms}
        return MCPError(self._numbers["ResourceExhausted"], sentence, {"limit": limit, "max": most, **wait})

    def unsupported(self, feature: str, value: str, sentence: str) -> MCPError:
        """The request asks for an unsupported feature."""
        return MCPError(self._numbers["Unsupported"], sentence, {"feature": feature, "value": value[:100]})

    def callback(self, reason: Reason) -> MCPError:
        """The callback did not pass its challenge."""
        sentence = f"The callback URL was not taken: {_REASONS[reason]}."
        return MCPError(self._numbers["CallbackEndpointError"], sentence, {"reason": reason})


def invalid(faults: list[FieldError]) -> MCPError:
    """Name each argument at fault."""
    named: list[Json] = [{"path": fault.path, "message": fault.message} for fault in faults[:_MAX_FAULTS]]
    first = faults[0]
    end = "" if first.message.endswith("?") else "."
    return MCPError(INVALID_PARAMS, f"'{first.path.lstrip('/')}' {first.message}{end}", {"errors": named})


def refuse_cursor(cursor: str | None) -> None:
    """Refuse a cursor of a list, as every list has one page. Raises MCPError."""
    if cursor is not None:
        raise invalid([FieldError("/cursor", "is not one that this server gave out")])


def reason_of(*, status: int | None, error: str | None) -> Reason:
    """Map the outcome of a request (its *status*, or *error* as in the delivery log) to the protocol's reason."""
    if status is not None:
        return "http_4xx" if 400 <= status <= 499 else "http_5xx" if status >= 500 else "challenge_failed"
    if error == "timeout":
        return "timeout"
    return "tls_error" if error and error.startswith("tls_failed") else "connection_refused"
