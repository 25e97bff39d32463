"""HTTP/1.1 as bytes: writing a request, and reading an answer from what a connection receives (RFC 9112). No I/O.

The parsing is llhttp's, by way of httptools, as it was in uvicorn's and in Node's servers; what stands here is when an
answer has ended, how much of it is taken, and whether another may follow it.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import httptools

from trunkline.outbound.failures import ClosedBeforeAnswer, NoAnswer
from trunkline.version import __version__

MAX_BODY_BYTES = 64 * 1024
"""How much of an answer's body is read (CONTRACT §6); beyond it the connection is closed, not drained."""
MAX_HEAD_BYTES = 64 * 1024
"""How much may come without a byte of a body: head, interim answers, chunk extensions, trailers."""
MAX_ANSWER_BYTES = 256 * 1024
"""How much may come in all until the answer is whole, however its body is cut into chunks."""

Received = tuple[int, dict[str, str], bytes]
"""Status, headers by their names in lower case, body."""

_KEEP_SECONDS = re.compile(r"(?:^|[,\s])timeout\s*=\s*\"?(\d{1,9})", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding"})
"""Headers that decide where a request goes and where it ends."""
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where an answer ends."""
_DEFAULTS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": f"trunkline/{__version__}"}


def keep_seconds(headers: Mapping[str, str]) -> int | None:
    """Read how long the target keeps a connection that idles, where its answer says so (``Keep-Alive: timeout=5``)."""
    text = headers.get("keep-alive")
    match = _KEEP_SECONDS.search(text) if text is not None else None
    return int(match[1]) if match else None


def request_start(normalised_url: str) -> str:
    """Write the beginning of every request to a URL: the request line and the host."""
    _, _, rest = normalised_url.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"POST {slash}{path} HTTP/1.1\r\nhost: {host}\r\n"


def with_method(start: str, method: str) -> str:
    """Give what ``request_start`` wrote another method."""
    return f"{method}{start.removeprefix('POST')}"


def request(start: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a request that begins with *start*. Raises ValueError for a header that cannot be sent."""
    template, count = _lines(tuple(headers))
    lines = template % tuple(headers.values())
    if lines.count("\n") != count or lines.count("\r") != count or "\0" in lines:
        msg = "a header's value has a line break or a NUL in it"
        raise ValueError(msg)
    return f"{start}{lines}content-length: {len(body)}\r\n\r\n".encode() + body


@lru_cache(maxsize=1024)
def _lines(names: tuple[str, ...]) -> tuple[str, int]:
    """Make the header lines of requests with *names*, with a slot for each value, and count them."""
    lower = [name.lower() for name in names]
    for name in lower:
        if not _NAME.fullmatch(name) or name in _FRAMING or lower.count(name) > 1:
            msg = f"the header '{name}' cannot be sent: it is malformed, given twice, or the client's own"
            raise ValueError(msg)
    defaults = [f"{name}: {value}\r\n" for name, value in _DEFAULTS.items() if name not in lower]
    lines = [*defaults, *(f"{name.replace('%', '%%')}: %s\r\n" for name in names)]
    return "".join(lines), len(lines)


class AnswerReader:
    """Reads the answers that come over one connection, one at a time.

    *is_spent* says that more came than was asked for, so the connection is to be dropped; *keeps_alive* that the target
    lets another request follow.
    """

    __slots__ = (
        "_answer",
        "_answer_bytes",
        "_body",
        "_body_bytes",
        "_has_head",
        "_head_bytes",
        "_headers",
        "_parser",
        "is_spent",
        "keeps_alive",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.is_spent = self.keeps_alive = False
        self.begin()

    def begin(self) -> None:
        """Expect the answer to the next request."""
        self._answer: Received | None = None
        self._has_head = False
        self._answer_bytes = self._head_bytes = self._body_bytes = 0
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> Received | None:
        """Read on in the answer; gives it when it is whole. Raises NoAnswer where what came is not HTTP."""
        self._head_bytes += len(data)
        self._answer_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_spent = True  # a 101, which is complete: another protocol begins, which we do not speak
        except httptools.HttpParserError:
            self._refuse("what came back is not HTTP")
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(f"the head of the answer is over {MAX_HEAD_BYTES} bytes")
        if self._answer_bytes > MAX_ANSWER_BYTES:
            self._refuse(f"the answer is over {MAX_ANSWER_BYTES} bytes, framing included")
        return self._answer

    def end(self, error: Exception | None) -> Received:
        """Complete an answer without a length, at the connection's end (RFC 9112 §6.3); raises NoAnswer for any other."""
        if not self._has_head:
            number = getattr(error, "errno", None)
            reason = f"errno {number}" if number else "the target closed the connection"
            kind = NoAnswer if self._answer_bytes else ClosedBeforeAnswer
            raise kind("connection_failed", reason)
        if error is not None or not self._headers.keys().isdisjoint(_LENGTHS):
            raise NoAnswer("invalid_answer", "the answer was cut off")
        return self._parser.get_status_code(), self._headers, b"".join(self._body)

    def forget(self) -> None:
        """Let go of the parser, which holds its reader and what was read, once the connection has ended."""
        del self._parser

    # ---- httptools calls these ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Note that a second answer follows the one that was asked for, and keep it apart."""
        if self._answer is not None:
            self.is_spent = True
            self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the last of one name counts."""
        self._headers[name.lower().decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note that the answer has begun."""
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to ``MAX_BODY_BYTES`` of it."""
        if self._answer is not None:
            return
        self._head_bytes = 0
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self.is_spent = True
            content = b"".join(self._body)[:MAX_BODY_BYTES]
            self._answer = (self._parser.get_status_code(), self._headers, content)

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
        self.keeps_alive = self._parser.should_keep_alive()
        self._answer = (status, self._headers, b"".join(self._body))

    # ------------------------------------------------------------------------------------------------------------------

    def _refuse(self, reason: str) -> None:
        """Raise NoAnswer; after a whole answer, only give the connection up."""
        if self._answer is None:
            raise NoAnswer("invalid_answer", reason)
        self.is_spent = True
