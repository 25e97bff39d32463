"""The steps of a call, as values. Both clients carry out the same steps: one with blocking calls, one by asyncio.

A method of the client is a generator of steps. The answer to each ``Call`` is sent into the generator, or the call's
error is thrown into it.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

from trunkline_client.errors import HubError, Refused, Unanswered
from trunkline_client.wire import read_json

T = TypeVar("T")
TRIES = 4
"""Number of tries of a call that may be repeated."""
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    *longer_seconds* is added to the client's timeout: the time for which the hub waits for new events before it
    answers. *is_idempotent* is true if a repeated request has no further effect.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    longer_seconds: float = 0
    is_idempotent: bool = False

    @property
    def may_repeat(self) -> bool:
        """True if the call has an idempotency key, an idempotent method (RFC 9110 §9.2.2), or ``is_idempotent``."""
        has_key = "Idempotency-Key" in self.headers
        return has_key or self.is_idempotent or self.method in {"GET", "PUT", "DELETE"}


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """Yield *value* to the caller."""

    value: T


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. *content* is the body's JSON, its text if it is not JSON, or None without a body."""

    status: int
    headers: Mapping[str, str]
    content: Any
    body: bytes = b""


Steps: TypeAlias = Generator[Call | Pause, Any, T]
Stream: TypeAlias = Generator[Call | Pause | Item[T], Any, None]


def request(call: Call, *, tries: int | None = TRIES) -> Steps[Answer]:
    """Make *call* until it is answered, at most *tries* times (None means without limit).

    Raises:
        Refused: the hub refused the call.
        Unanswered: the last try had no answer, or the call may not be repeated.
    """
    failed = 0
    while True:
        try:
            answer: Answer = yield call
        except Unanswered as error:  # noqa: PERF203 - each pass waits for the network
            failed += 1
            if failed == tries or not (call.may_repeat or error.status == 429):
                raise
            wait = min(0.5 * 2.0 ** min(failed - 1, 10), _LONGEST_WAIT_SECONDS)
            yield Pause(max(wait, error.retry_after_seconds or 0))
        except Refused as error:
            if failed and call.method == "DELETE" and error.status == 404:  # an earlier try has deleted it
                return Answer(204, {}, None)
            raise
        else:
            return answer


def fill(path: str, values: dict[str, Any]) -> str:
    """Fill the parameters of *path* from *values*, and remove these from *values*.

    Raises KeyError if a value is missing or None.
    """
    for name in re.findall(r"{(\w+)}", path):
        if (value := values.pop(name, None)) is None:
            raise KeyError(name)
        path = path.replace(f"{{{name}}}", quote(text_of(value), safe=""))
    return path


def text_of(value: Any) -> str:
    """Write *value* for a URL: true, false, numbers and text as they are, several values separated by commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(text_of, value)) if isinstance(value, list | tuple) else str(value)


def read(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read an answer. Raises HubError if the answer is not a success."""
    is_json = "json" in headers.get("content-type", "")
    try:
        content = read_json(body) if is_json and body else body.decode() or None
    except ValueError:
        raise Unanswered(status, f"the answer ({status}) cannot be read") from None
    if 200 <= status <= 299 and "text/html" in headers.get("content-type", ""):
        raise Unanswered(status, "a page answered, which is not the hub")
    if 200 <= status <= 299:
        return Answer(status, headers, content, body)
    is_problem = "application/problem+json" in headers.get("content-type", "")
    is_hubs = (
        is_problem and isinstance(content, dict) and isinstance(content.get("detail"), str)
    )  # RFC 9457 lets a proxy leave out `detail`
    problem: Any = content if is_hubs else {"detail": f"answered {status}"}
    is_final = is_hubs and 400 <= status <= 499 and status not in {408, 425, 429}
    wait = headers.get("retry-after", "")
    raise (Refused if is_final else Unanswered)(
        status,
        problem["detail"],
        type=problem.get("type", "about:blank"),
        errors=faults(problem.get("errors", ())),
        request_id=problem.get("request_id"),
        retry_after_seconds=min(float(wait), _LONGEST_RETRY_AFTER_SECONDS) if wait.isdecimal() else None,
    )


def faults(errors: Any) -> list[tuple[str, str]]:
    """Return a problem's ``errors`` as pairs of a pointer and a message; a proxy's own ``errors`` have none."""
    listed = errors if isinstance(errors, list) else []
    return [
        (fault["path"], fault["message"])
        for fault in listed
        if isinstance(fault, dict) and fault.keys() >= {"path", "message"}
    ]


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The steps have ended, with *value*."""

    value: T


def resume(
    asked: Generator[Any, Any, T], result: Answer | HubError | None = None
) -> Call | Pause | Item[Any] | Done[T]:
    """Pass the *result* of the last step to the generator, and return the next step."""
    try:
        return asked.throw(result) if isinstance(result, HubError) else asked.send(result)  # type: ignore[no-any-return]
    except StopIteration as end:
        return Done(end.value)
