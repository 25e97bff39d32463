"""One request of a communication block: merged with the base, sent, checked and logged.

https://developers.make.com/custom-apps-documentation/component-blocks/api
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2

from .templates import render
from .values import UNDEFINED, NotUnderstood, iso_text, json_text, number_text

DIRECTIVES = frozenset(
    {"url", "method", "headers", "qs", "body", "type", "temp", "condition", "pagination", "response", "log"}
)
RESPONSE = frozenset(
    {"limit", "iterate", "output", "trigger", "data", "temp", "metadata", "uid", "valid", "error"}
)
_FORM = "application/x-www-form-urlencoded"
_PAGINATION = frozenset({"condition", "qs"})
_MAX_PAGES = 50
_MAX_SECONDS = 40.0


class MakeError(Exception):
    """An error as shown in Make: its *type* and *message*."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(f"{type}: {message}")
        self.type, self.message = type, message


@dataclass
class Answer:
    """The answer, under the names that expressions use."""

    statusCode: int  # noqa: N815
    headers: dict[str, str]
    body: Any

    def variables(self) -> dict[str, Any]:
        return {"statusCode": self.statusCode, "headers": self.headers, "body": self.body}


@dataclass
class Sender:
    """Sends requests merged with *base*, except a connection's own; *log* has the entries that Make would show."""

    base: Mapping[str, Any]
    log: list[dict[str, Any]] = field(default_factory=list)

    def pages(
        self, block: Mapping[str, Any], context: dict[str, Any]
    ) -> Iterator[tuple[Answer, dict[str, Any]]]:
        """Send the request and the requests for further pages; give each answer with its context.

        Raises:
            MakeError: the service refused.
            NotUnderstood: the block has an unknown directive.
        """
        _check(block, DIRECTIVES, "request")
        _check(block.get("response", {}), RESPONSE, "response")
        pagination = block.get("pagination", {})
        _check(pagination, _PAGINATION, "pagination")
        context["temp"] = context.get("temp", {}) | render(block.get("temp", {}), context)
        query = render(block.get("qs", {}), context)
        for _ in range(_MAX_PAGES):
            answer = self._send(block, context, query)
            seen = context | answer.variables()
            self.judge(block.get("response", {}), seen)
            yield answer, seen
            if not pagination or render(pagination["condition"], seen) is not True:
                return
            query |= render(pagination["qs"], seen)
        msg = f"more than {_MAX_PAGES} pages of {block['url']}"
        raise NotUnderstood(msg)

    def send(self, block: Mapping[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        if "pagination" in block:
            msg = "pages where only a single request can be made"
            raise NotUnderstood(msg)
        return next(self.pages(block, context))[1]

    def _send(self, block: Mapping[str, Any], context: Mapping[str, Any], query: Mapping[str, Any]) -> Answer:
        url = render(block["url"], context)
        headers = render(dict(self.base.get("headers", {})) | block.get("headers", {}), context)
        request = httpx2.Request(
            render(block.get("method", "GET"), context),
            f"{self.base['baseUrl']}{url}" if url.startswith("/") else url,
            params={name: _query_text(value) for name, value in query.items()},
            headers=headers,
            content=_content(block, context, headers),
        )
        with httpx2.Client(timeout=_MAX_SECONDS) as client:
            response = client.send(request)
        answer = Answer(response.status_code, dict(response.headers), _parsed(response))
        self._note(block, request, answer)
        return answer

    def judge(self, response: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        """Raise MakeError if the answer is an error or invalid."""
        if context["statusCode"] >= 400:
            spec = response.get("error") or self.base["response"]["error"]
            spec = spec.get(str(context["statusCode"]), spec)
            raise MakeError(spec.get("type", "RuntimeError"), render(spec["message"], context))
        valid = response.get("valid")
        if valid is not None and render(valid["condition"], context) is not True:
            raise MakeError(valid["type"], render(valid["message"], context))

    def _note(self, block: Mapping[str, Any], request: httpx2.Request, answer: Answer) -> None:
        entry: dict[str, Any] = {
            "request": {
                "url": str(request.url),
                "headers": dict(request.headers),
                "body": _read_body(request),
            },
            "response": copy.deepcopy(answer.variables()),
        }
        for path in [
            *self.base.get("log", {}).get("sanitize", ()),
            *block.get("log", {}).get("sanitize", ()),
        ]:
            _hide(entry, path.split("."))
        self.log.append(entry)


def items(response: Mapping[str, Any], context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a context for each item of a page that meets the condition of ``iterate``."""
    iterate = response["iterate"]
    spec = {"container": iterate} if isinstance(iterate, str) else iterate
    container = render(spec["container"], context)
    if not isinstance(container, list):
        msg = f"iterate over {container!r}"
        raise NotUnderstood(msg)
    for item in container:
        seen = context | {"item": item}
        if "condition" not in spec or render(spec["condition"], seen) is True:
            yield seen


def parse_json(text: str | bytes) -> Any:
    """Read JSON as JavaScript does: a number becomes the nearest double."""
    return json.loads(
        text, parse_int=lambda digits: int(digits) if abs(int(digits)) <= 2**53 else float(digits)
    )


def _check(block: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if odd := set(block) - known:
        msg = f"'{min(odd)}' in a {place}"
        raise NotUnderstood(msg)


def _content(block: Mapping[str, Any], context: Mapping[str, Any], headers: dict[str, Any]) -> str | None:
    body = render(block.get("body", UNDEFINED), context)
    if body is UNDEFINED:
        return None
    if block.get("type", "json") == "json":
        headers["content-type"] = "application/json"
        return json_text(body)
    if block["type"] == "text" and isinstance(body, str):
        return body
    if block["type"] == "urlencoded" and isinstance(body, dict):
        headers["content-type"] = _FORM
        return urlencode({name: _query_text(value) for name, value in body.items()})
    msg = f"a body of the type {block['type']} from {body!r}"
    raise NotUnderstood(msg)


def _query_text(value: Any) -> str:
    if isinstance(value, str | bool):
        return str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, int | float):
        return number_text(value)
    if hasattr(value, "isoformat"):
        return iso_text(value)
    msg = f"{value!r} in a query"
    raise NotUnderstood(msg)


def _parsed(response: httpx2.Response) -> Any:
    is_json = response.headers.get("content-type", "").partition(";")[0].endswith("json")
    return parse_json(response.content) if is_json and response.content else response.text


def _read_body(request: httpx2.Request) -> Any:
    text = request.content.decode()
    return dict(parse_qsl(text)) if request.headers.get("content-type") == _FORM else text


def _hide(entry: dict[str, Any], path: list[str]) -> None:
    *parents, last = path
    for part in parents:
        entry = entry.get(part, {}) if isinstance(entry, dict) else {}
    if isinstance(entry, dict) and last in entry:
        entry[last] = "***"
