"""One connection to a target, with one request and answer at a time, each with a deadline."""

import asyncio
import ssl
from typing import cast

from trunkline.contract import HttpResponse
from trunkline.outbound import tls
from trunkline.outbound.failures import NoAnswer
from trunkline.outbound.framing import AnswerReader


class Connection(asyncio.Protocol):
    """One connection to a target. ``is_idle`` says whether it may take a request."""

    __slots__ = (
        "_answer",
        "_deadline",
        "_loop",
        "_reader",
        "_timer",
        "_transport",
        "idle_until",
        "is_idle",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = AnswerReader()
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self.is_idle = False
        self.idle_until = 0.0

    async def exchange(self, request: bytes, *, deadline: float) -> HttpResponse:
        """Send *request* and wait for the answer until *deadline* (of the loop's clock); the answer's body may be incomplete.

        Raises:
            TimeoutError: no whole head of an answer came in time.
            NoAnswer: the connection ended, or the answer is not HTTP.
        """
        self.is_idle = False
        answer: asyncio.Future[HttpResponse] = self._loop.create_future()
        self._answer = answer
        self._reader.begin()
        self._deadline = deadline
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._check_deadline)
        self._transport.write(request)
        try:
            return await answer
        finally:
            if not answer.done() or answer.cancelled():
                self.abort()
            del answer  # It holds the exception, whose traceback holds this frame.

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS object of the connection; None without TLS."""
        secured: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return secured

    def close(self) -> None:
        """Close the connection after all written data has been sent."""
        self._stop()
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection and all unsent data."""
        self._stop()
        self._transport.abort()

    # ---- asyncio calls these -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_idle = True

    def data_received(self, data: bytes) -> None:
        """Feed *data* to the answer; data that no request has asked for ends the connection."""
        if self._answer is None:
            self.abort()
            return
        try:
            received = self._reader.feed(data)
        except NoAnswer as error:
            self._fail(error)
            return
        if received is None:
            return
        self._finish(received)
        if self._reader.is_spent:
            self.abort()
        elif self._reader.keeps_alive and not self._transport.get_write_buffer_size():
            self.is_idle = not self._transport.is_closing()
        else:
            self.close()

    def eof_received(self) -> None:
        """Close the connection from this side too, and accept no further request; ``connection_lost`` is called next."""
        self.is_idle = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete the awaited answer if its head has come; otherwise fail it."""
        self._stop()
        if self._answer is not None:
            try:
                if isinstance(exc, ssl.SSLError) and exc.reason in tls.ASKED_FOR_CERTIFICATE:
                    # In TLS 1.3 the handshake ends at the hub before it ends at the target.
                    raise tls.failure(exc)
                self._finish(self._reader.end(exc))
            except NoAnswer as error:
                self._fail(error)
        self._reader.forget()

    # ------------------------------------------------------------------------------------------------------------------

    def _finish(self, received: HttpResponse) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(received)

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error.with_traceback(None))  # its frames hold the received data
        self.abort()

    def _check_deadline(self) -> None:
        """End the exchange after its deadline. One timer serves many exchanges, as arming a timer costs more than a check."""
        self._timer = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        elif received := self._reader.cut():
            self._finish(received)
            self.abort()
        else:
            self._fail(TimeoutError("no answer in time"))

    def _stop(self) -> None:
        self.is_idle = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
