"""One connection of a client: uvicorn's protocol, with limits on the size and the time of a client's requests.

The limits apply before the parser, so a request refused here has cost no task and no key check. The one sweep of
``admission`` checks all times; this module sets no timer.
"""

import asyncio
import enum
from typing import Any, cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from trunkline.api.admission import Admission
from trunkline.api.problems import REQUEST_ID_KEY, problem_of, request_id_of
from trunkline.errors import HeadTooLarge, Overloaded, Refused, RequestMalformed, RequestTimeout

MAX_PIPELINED = 16
"""How many pipelined requests may wait behind the current one. If one more comes, the connection ends after their answers."""
RETRY_SECONDS = 1
LEAST_TAKEN = 16 * 1024
"""A client that takes fewer bytes of an answer within the time limit counts as stalled."""
LEAST_SENT_PER_SECOND = 16 * 1024
"""The lowest average rate of a body in bytes per second.

The first seconds of a body are not counted, up to six times the time limit for a pause.
"""

_BODY_TIMEOUTS = 6
_LINGER_SECONDS = 1.0


class Place(enum.Enum):
    """The state of a connection within its request."""

    SILENT = "nothing has come since it began, or since the last answer"
    HEAD = "a head has begun"
    BODY = "the head is whole"
    ANSWER = "the request is whole"
    REST = "the request was answered before its body was whole"
    ENDING = "nothing more is read; it closes after the answers that are under way"
    REFUSED = "it was refused, and stays until the client has read why"


class Connection(HttpToolsProtocol):
    """A connection that *admission* counts."""

    def __init__(self, admission: Admission, **options: Any) -> None:
        super().__init__(**options)
        self._admission = admission
        self._max_head = admission.limits.max_head_bytes
        self._place = Place.SILENT
        self._since = self._body_since = admission.now
        self._room = self._max_head  # how many more bytes of a head or of framing may come before data
        self.has_asked = False
        self._answered: RequestResponseCycle | None = None  # ``cycle`` is the newest request
        self._feeding = 0
        self._received = 0
        self._may_keep = True  # whether the connection may stay open once an expected body has begun
        self._unsent = self._taken = (
            0  # bytes of an answer that the transport still buffers, and that the client took
        )
        self._taking_since = 0.0

    # ---- incoming data ----

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or refuse it if there are too many."""
        super().connection_made(transport)
        if not self._admission.admit(self, self.client[0] if self.client else ""):
            self._refuse(Overloaded("Too many connections are open", retry_after_seconds=RETRY_SECONDS))

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection, and write no more answers to its client."""
        self._admission.forget(self)
        for cycle in (self._answered, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser in pieces; no piece is longer than the bytes that a head or framing may still have."""
        if self._place is Place.SILENT or self._place is Place.ANSWER:
            self._begin_head(0)
        elif self._is_over():
            return
        if len(data) <= self._room:
            self._feed(data)
            return
        view, start = memoryview(data), 0
        while start < len(data) and not (self._is_over() or self.transport.is_closing()):
            end = start + self._room
            self._feed(bytes(view[start:end]))
            start = end

    def on_message_begin(self) -> None:
        """Begin a head; it may start in the middle of the received bytes."""
        super().on_message_begin()
        if self._place is Place.ANSWER or self._place is Place.SILENT:
            self._begin_head(self._feeding)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        assert self.parser is not None
        if self._is_over() or self.parser.should_upgrade():  # ``_parse`` parses it again without the upgrade
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            self._end_after_answers()
            return
        super().on_headers_complete()
        if not self.pipeline:
            self._answered = self.cycle
        self.has_asked = True
        if self._admission.is_ending:
            self.cycle.keep_alive = False
        if self.expect_100_continue:
            # close after an answer that comes before the body: a refused client may not send its body
            self.cycle.waiting_for_100_continue = self.scope["http_version"] != "1.0"  # RFC 9110 §10.1.1
            self._may_keep, self.cycle.keep_alive = self.cycle.keep_alive, False
        self._place = Place.BODY
        self._since = self._body_since = self._admission.now
        self._received = 0
        self._room = self._max_head + self._feeding
        self.headers = []  # headers that the parser adds later are trailers, which are ignored

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body."""
        self._room = self._max_head + self._feeding
        if self._place is Place.BODY:
            self._since = self._admission.now
            if not self._received and self.expect_100_continue:
                self.cycle.keep_alive = self._may_keep and not self._admission.is_ending
            self._received += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._place is Place.BODY:
            self._place = Place.ANSWER
            super().on_message_complete()
        elif self._place is Place.REST:
            self._place = Place.SILENT
            self._since = self._admission.now

    def on_response_complete(self) -> None:
        """End an answer. uvicorn's own method sets a timer for each; the sweep makes it unnecessary."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._admission.line_up(self)
            return
        if self._place is Place.ANSWER:
            self._place = Place.SILENT
        elif self._place is Place.BODY:
            self._place = Place.REST
        self._since = self._admission.now

    def answer_next(self) -> None:
        """Answer the next waiting request, if its client is still connected."""
        if self.pipeline and not self.transport.is_closing():
            self._answered, app = self.pipeline.pop()
            self._start_asgi_task(self._answered, app)

    def resume_writing(self) -> None:
        """Note that the client has taken most of the buffered answer."""
        self._taking_since, self._taken = self._admission.now, 0
        super().resume_writing()

    # ---- called by the admission ----

    @property
    def waiting_since(self) -> float | None:
        """The time since which the hub has waited for the client's request; None while the client waits for the hub."""
        if self._place in {Place.SILENT, Place.HEAD, Place.REST} and not self._is_answering():
            return self._since
        return None

    def end_after_answer(self) -> None:
        """Close after the current answers."""
        if self._is_answering():
            self.cycle.keep_alive = False

    def leave(self) -> None:
        """Close the connection in favour of a new one."""
        self._place = Place.ENDING
        self.transport.close()

    def check(self, now: float) -> None:
        """Close the connection if its client has sent or taken nothing for too long."""
        if self._is_stalled(now):
            self.transport.abort()
            return
        limit = self._limit()
        if limit is None or self.transport.is_closing():
            return
        if self._keeps_client_waiting():
            self._body_since += now - self._since
            self._since = now
            return
        slack = self._admission.sweep_seconds  # both times were taken by sweeps
        if now - self._since >= limit + slack or self._is_too_slow(now - slack):
            is_idle = self._place is Place.SILENT and self.has_asked
            if is_idle or self._place is Place.REFUSED or self._place is Place.REST:
                self.leave()
            elif self._place is Place.BODY and self.cycle.response_started:
                self.transport.abort()
            else:
                self._refuse(RequestTimeout("body" if self._place is Place.BODY else "head"))

    # ---- decisions ----

    def _begin_head(self, before: int) -> None:
        """Begin to count the bytes of a head; the *before* bytes that precede it in the current piece are allowed in addition."""
        self._place = Place.HEAD
        self._since = self._admission.now
        self._room = self._max_head + before

    def _feed(self, data: bytes) -> None:
        self._feeding = fed = len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        self._room -= fed
        if self._room > 0 or self._is_over():
            return
        if self._place is Place.ANSWER or self._place is Place.SILENT:
            self._room = self._max_head
        else:
            self._refuse_rest(HeadTooLarge(self._max_head))

    def _parse(self, data: bytes) -> None:
        """Parse *data*, and ignore an upgrade (RFC 9110 §7.8): the parser would skip the body, so the head is parsed again."""
        assert self.parser is not None
        try:
            while not self._is_over():
                try:
                    self.parser.feed_data(data)
                except HttpParserUpgrade as upgrade:
                    data = self._head_without_upgrade(self.parser) + data[upgrade.args[0] :]
                    self.parser = HttpRequestParser(self)  # the old one stops at a head that asks to close
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                else:
                    return
        except HttpParserError as error:
            is_ours = isinstance(error, HttpParserCallbackError)  # uvicorn's callback parses the target
            reason = "its target is neither a path nor a URL with a path" if is_ours else error
            self._refuse_rest(RequestMalformed(f"The request is not valid HTTP: {reason}."))

    def _head_without_upgrade(self, parser: HttpRequestParser) -> bytes:
        """Write the last parsed head again, without the upgrade. Raises HttpParserError for CONNECT, which asks for a tunnel."""
        if (method := parser.get_method()) == b"CONNECT":
            raise HttpParserError("CONNECT asks for a tunnel")
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        version = parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))

    def _is_over(self) -> bool:
        return self._place is Place.ENDING or self._place is Place.REFUSED

    def _is_answering(self) -> bool:
        return self.has_asked and not self.cycle.response_complete

    def _is_stalled(self, now: float) -> bool:
        """Return whether the client has taken less than ``LEAST_TAKEN`` of an answer within the time limit."""
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        self._taken += max(before - self._unsent, 0)
        if not before or not self._unsent or self._taken >= LEAST_TAKEN:
            self._taking_since, self._taken = now, 0
        return self._unsent > 0 and now - self._taking_since >= self._admission.limits.write_timeout_seconds

    def _limit(self) -> float | None:
        """The time that the client has for its next bytes; None while the client waits for the hub."""
        limits = self._admission.limits
        if self._place is Place.SILENT and self.has_asked:
            return self.timeout_keep_alive
        if self._place in {Place.SILENT, Place.HEAD}:
            return limits.head_timeout_seconds
        if self._place is Place.BODY or self._place is Place.REST:
            return limits.body_timeout_seconds
        return _LINGER_SECONDS if self._place is Place.REFUSED else None

    def _keeps_client_waiting(self) -> bool:
        """Return whether the client has to wait because the hub has paused reading, or has not sent 100 Continue yet."""
        if self._place is Place.REFUSED:
            return False
        if self._place is Place.HEAD and self._is_answering():
            return True
        is_held_back = self._place is Place.BODY and self.cycle.waiting_for_100_continue
        return self.flow.read_paused or bool(self.pipeline) or is_held_back

    def _is_too_slow(self, now: float) -> bool:
        """Return whether a body is too slow on average, although it never pauses for long."""
        if self._place is not Place.BODY:
            return False
        seconds = now - self._body_since - _BODY_TIMEOUTS * self._admission.limits.body_timeout_seconds
        return seconds > 0 and self._received < seconds * LEAST_SENT_PER_SECOND

    def _refuse_rest(self, error: Refused) -> None:
        """Refuse the incoming request, and read no more; earlier requests are still answered."""
        if self._is_over():
            return
        if self._place is Place.REST or (self._place is Place.BODY and self.cycle.response_started):
            self.transport.abort()
            return
        if self._place is Place.BODY and self.pipeline:  # it waits behind other requests, so remove it
            self.pipeline.popleft()
            previous = self.pipeline[0][0] if self.pipeline else self._answered
            self.cycle, self._place = cast("RequestResponseCycle", previous), Place.HEAD
        if self._place is not Place.BODY and self._is_answering():
            self._end_after_answers()
        else:
            self._refuse(error)

    def _end_after_answers(self) -> None:
        self._place = Place.ENDING
        self.cycle.keep_alive = False  # of the last accepted request

    def _refuse(self, error: Refused) -> None:
        """Answer with *error*, and close after the client had time to read it: an early close would discard the answer."""
        scope: Scope = {"headers": []}
        if self._place is Place.BODY:
            scope = cast("Scope", self.cycle.scope)
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._place = Place.REFUSED
        self._since = self._admission.now
        request_id = scope.setdefault(REQUEST_ID_KEY, request_id_of(dict(scope["headers"])).decode())
        answer = problem_of(error, scope)
        answer.headers["X-Request-Id"] = request_id
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join((STATUS_LINE[answer.status_code], *lines, b"\r\n", bytes(answer.body))))
        self.transport.write_eof()
        self._admission.linger(self)
