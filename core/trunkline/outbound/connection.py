"""HTTP/1.1 over one connection: a request out, an answer in, one at a time.

The parsing is llhttp's, by way of httptools, as it was in uvicorn's and in Node's servers; what stands here is when an
answer has ended, how much of it is taken, and whether the connection may be used again (RFC 9112).
"""

import asyncio
from typing import cast

import httptools

from trunkline.outbound.failures import NoAnswer

MAX_BODY_BYTES = 64 * 1024
"""How much of an answer's body is read (CONTRACT §6); beyond it the connection is closed, not drained."""
MAX_HEAD_BYTES = 64 * 1024
"""How much may come without a byte of a body: head, interim answers, chunk extensions, trailers."""

Received = tuple[int, dict[str, str], bytes]
"""Status, headers by their names in lower case, body."""


class Connection(asyncio.Protocol):
    """One connection to a target. ``is_idle`` says whether it may take a request."""

    __slots__ = (
        "_answer",
        "_body",
        "_body_bytes",
        "_deadline",
        "_has_head",
        "_head_bytes",
        "_headers",
        "_is_framed",
        "_loop",
        "_parser",
        "_timer",
        "_transport",
        "idle_since",
        "is_idle",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Received] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self.is_idle = False
        self.idle_since = 0.0

    async def exchange(self, request: bytes, *, deadline: float) -> Received:
        """Send *request* and wait for the whole answer, until *deadline* (of the loop's clock).

        Raises:
            TimeoutError: there was no whole answer in time.
            NoAnswer: the connection ended, or what came is not HTTP.
        """
        self.is_idle = False
        answer: asyncio.Future[Received] = self._loop.create_future()
        self._answer = answer
        self._has_head = self._is_framed = False
        self._head_bytes = self._body_bytes = 0
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._deadline = deadline
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look_at_the_clock)
        self._transport.write(request)
        try:
            return await answer
        finally:
            if not answer.done() or answer.cancelled():
                self.abort()

    def close(self) -> None:
        """Close the connection in order."""
        self._stop()
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection with whatever is still to be sent."""
        self._stop()
        self._transport.abort()

    # ---- asyncio calls these -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the target."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_idle = True

    def data_received(self, data: bytes) -> None:
        """Read on in the answer; what nobody has asked for ends the connection."""
        if self._answer is None:
            self.abort()
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.abort()  # the answer was 101, and is complete: another protocol begins, which we do not speak
        except httptools.HttpParserError:
            self._fail(NoAnswer("invalid_answer", "what came back is not HTTP"))
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(NoAnswer("invalid_answer", f"the head of the answer is over {MAX_HEAD_BYTES} bytes"))

    def eof_received(self) -> None:
        """Close our side too; ``connection_lost`` says what it means."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer: this is how one without a length ends (RFC 9112 §6.3); any other is cut off."""
        self._stop()
        if self._answer is None:
            return
        if not self._has_head:
            number = getattr(exc, "errno", None)
            reason = f"errno {number}" if number else "the target closed the connection"
            self._fail(NoAnswer("connection_failed", reason))
        elif self._is_framed or exc is not None:
            self._fail(NoAnswer("invalid_answer", "the answer was cut off"))
        else:
            self._finish()

    # ---- httptools calls these ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """End the connection where a second answer follows the one that was asked for."""
        if self._answer is None:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the last of one name counts."""
        self._headers[name.lower().decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Note how the answer will end."""
        self._has_head = True
        self._is_framed = "content-length" in self._headers or "transfer-encoding" in self._headers

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to ``MAX_BODY_BYTES`` of it."""
        if self._answer is None:
            return
        self._head_bytes = 0
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._finish()
            self.abort()

    def on_message_complete(self) -> None:
        """Hand over the answer, unless it is an interim one (RFC 9110 §15.2)."""
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._headers.clear()
            self._has_head = False
            return
        self._finish()
        if self._parser.should_keep_alive() and not self._transport.get_write_buffer_size():
            self.is_idle = not self._transport.is_closing()
        else:
            self.close()

    # ------------------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            body = b"".join(self._body)[:MAX_BODY_BYTES]
            answer.set_result((self._parser.get_status_code(), self._headers, body))

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self.abort()

    def _look_at_the_clock(self) -> None:
        """End the exchange if its time is up. One timer serves many exchanges: arming one costs more than it does."""
        self._timer = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._fail(TimeoutError("no whole answer in time"))

    def _stop(self) -> None:
        self.is_idle = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
