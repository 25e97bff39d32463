"""HTTP/1.1 as bytes: writing a request, and reading an answer from received bytes (RFC 9112). No I/O.

The parser is llhttp, through httptools, as in uvicorn and Node. This module decides when an answer has ended, how much of
it is read, and whether the connection may be used again.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn

import httptools

from trunkline.contract import HttpResponse
from trunkline.outbound.failures import ClosedBeforeAnswer, NoAnswer
from trunkline.outbound.mending import HeadMender, UnreadableHead
from trunkline.version import __version__

MAX_BODY_BYTES = 64 * 1024
"""The limit of an answer's body; above it the connection is closed, not drained."""
MAX_HEAD_BYTES = 64 * 1024
"""The limit of data other than body: head, interim answers, chunk extensions, trailers."""
MAX_ANSWER_BYTES = 256 * 1024
"""The limit of all data of one answer, however its body is chunked."""

_KEEP_SECONDS = re.compile(r"(?:^|[,\s])timeout\s*=\s*\"?(\d{1,9})", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Request headers that set the target or the end of a request."""
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
"""Answer headers that set the end of an answer."""
_DEFAULTS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": f"trunkline/{__version__}"}


def keep_seconds(headers: Mapping[str, str]) -> int | None:
    """Read how long the target keeps an idle connection, if its answer says so (``Keep-Alive: timeout=5``)."""
    text = headers.get("keep-alive")
    match = _KEEP_SECONDS.search(text) if text is not None else None
    return int(match[1]) if match else None


def request_start(normalised_url: str) -> str:
    """Write the beginning of the requests to a URL after the method: the rest of the request line, and the host."""
    _, _, rest = normalised_url.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    path = path.replace("|", "%7C")  # RFC 3986 does not allow a bare "|", the URL Standard does
    return f"{slash}{path} HTTP/1.1\r\nhost: {host}\r\n"


def request(method: str, start: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a request that continues with *start* after *method*. Raises ValueError for a header that cannot be sent."""
    template, count = _lines(tuple(headers))
    lines = template % tuple(headers.values())
    if lines.count("\n") != count or lines.count("\r") != count or "\0" in lines:
        msg = "a header's value has a line break or a NUL in it"
        raise ValueError(msg)
    return f"{method} {start}{lines}content-length: {len(body)}\r\n\r\n".encode() + body


@lru_cache(maxsize=1024)
def _lines(names: tuple[str, ...]) -> tuple[str, int]:
    """Return a format string with the header lines for *names*, ``%s`` for each value, and the number of lines."""
    lower = [name.lower() for name in names]
    for name in lower:
        if not _NAME.fullmatch(name) or name in _FRAMING or lower.count(name) > 1:
            msg = f"the header '{name}' cannot be sent: it is malformed, given twice, or the client's own"
            raise ValueError(msg)
    defaults = [f"{name}: {value}\r\n" for name, value in _DEFAULTS.items() if name not in lower]
    lines = [*defaults, *(f"{name.replace('%', '%%')}: %s\r\n" for name in names)]
    return "".join(lines), len(lines)


class AnswerReader:
    """Reads the answers on one connection, one at a time.

    The status is valid once the head is complete. If *is_spent*, the connection must be dropped, because the target sent
    excess data or broke off the answer. If *keeps_alive*, the target allows another request.
    """

    __slots__ = (
        "_answer",
        "_answer_bytes",
        "_body",
        "_body_bytes",
        "_has_head",
        "_head",
        "_head_bytes",
        "_headers",
        "_is_no_http",
        "_mender",
        "_parser",
        "is_spent",
        "keeps_alive",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._mender: HeadMender | None = None
        self.is_spent = self.keeps_alive = False
        self.begin()

    def begin(self) -> None:
        """Expect the answer to the next request."""
        self._answer: HttpResponse | None = None
        self._has_head = self._is_no_http = False
        self._answer_bytes = self._head_bytes = self._body_bytes = 0
        self._headers: dict[str, str] = {}
        self._head: list[bytes] = []
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> HttpResponse | None:
        """Read *data*; returns the answer when it is complete. Raises NoAnswer if the data is not HTTP."""
        if not self._has_head:
            self._head.append(data)
            if (
                self._answer_bytes < 7
                and data[:7] != b"HTTP/1."
                and not _begins_like_http(b"".join(self._head))
            ):
                self._refuse("what came back is not HTTP")
        self._head_bytes += len(data)
        self._answer_bytes += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserUpgrade:
            self.is_spent = True  # a 101 is complete: another protocol would begin, which is not supported
        except (httptools.HttpParserError, UnreadableHead):
            self._break_off("what came back is not HTTP")
        if self._is_no_http:
            self._refuse("what came back is not HTTP")
        if self._head_bytes > MAX_HEAD_BYTES:
            self._break_off(f"the head of the answer is over {MAX_HEAD_BYTES} bytes")
        if self._answer_bytes > MAX_ANSWER_BYTES:
            self._break_off(f"the answer is over {MAX_ANSWER_BYTES} bytes, framing included")
        return self._answer

    def end(self, error: Exception | None) -> HttpResponse:
        """Return the answer when the connection ends. The answer may be incomplete, or have no length (RFC 9112 §6.3).

        Raises NoAnswer if its head is incomplete.
        """
        if not self._has_head:
            number = getattr(error, "errno", None)
            reason = f"errno {number}" if number else "the target closed the connection"
            kind = NoAnswer if self._answer_bytes else ClosedBeforeAnswer
            raise kind("connection_failed", reason)
        return self._so_far(is_whole=error is None and self._headers.keys().isdisjoint(_LENGTHS))

    def cut(self) -> HttpResponse | None:
        """Return the answer as received so far; None without a complete head."""
        return self._so_far(is_whole=False) if self._has_head else None

    def forget(self) -> None:
        """Release the parser, its reader and its bytes, once the connection has ended."""
        del self._parser

    # ---- httptools calls these ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Note that a second answer follows, which no request has asked for."""
        if self._answer is not None:
            self.is_spent = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header; of several with the same name, the last one counts. Trailers are ignored."""
        if not self._has_head:
            self._headers[name.lower().decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note that the answer has begun, unless its status is invalid."""
        if self._answer is None:
            self._has_head = True
            self._is_no_http |= self._parser.get_status_code() < 100

    def on_body(self, body: bytes) -> None:
        """Store a piece of the body, up to ``MAX_BODY_BYTES`` in all."""
        if self._answer is not None:
            return
        self._head_bytes = 0
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self.is_spent = True
            self._answer = self._so_far(is_whole=False)

    def on_message_complete(self) -> None:
        """Complete the answer, unless it is an interim one (RFC 9110 §15.2)."""
        if self._answer is not None:
            return
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._headers.clear()
            self._body.clear()
            self._body_bytes = 0
            self._has_head = False
            return
        self._head.clear()
        self.keeps_alive = self._mender is None and self._parser.should_keep_alive()
        self._answer = self._so_far(is_whole=True)

    # ------------------------------------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> None:
        """Parse *data*; if llhttp refuses a head, mend the head and parse again. Raises HttpParserError, UnreadableHead."""
        if self._mender is None or self._has_head:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade:
                raise
            except httptools.HttpParserError:
                if self._has_head or self._answer is not None:
                    raise
                self._mender, data = HeadMender(), b"".join(self._head)
            else:
                return
        if mended := self._mender.feed(data):
            self._headers.clear()
            self._parser = httptools.HttpResponseParser(self)
            self._parser.feed_data(mended)

    def _so_far(self, *, is_whole: bool) -> HttpResponse:
        body = b"".join(self._body)[:MAX_BODY_BYTES]
        return HttpResponse(self._parser.get_status_code(), self._headers, body, is_whole=is_whole)

    def _break_off(self, reason: str) -> None:
        if not self._has_head and self._answer is None:
            self._refuse(reason)
        self.is_spent = True
        self._answer = self._answer or self.cut()

    def _refuse(self, reason: str) -> NoReturn:
        raise NoAnswer("invalid_answer", reason)


def _begins_like_http(data: bytes) -> bool:
    """Return True if *data* can begin an HTTP/1 answer; llhttp would accept RTSP, ICE and HTTP/2.0 too."""
    begin = data.lstrip(b"\r\n")[:7]
    return begin == b"HTTP/1."[: len(begin)]
