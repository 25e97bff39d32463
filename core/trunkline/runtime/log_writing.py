"""Writing the log outside the event loop: lines are buffered while the reader is slow, and dropped if it stops reading."""

import io
import logging
import os
import select
import time
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TextIO

SECURITY = "trunkline.security"
"""The logger of security events (``api.security_events``)."""

MOST_WAITING_BYTES = 4 * 1024 * 1024
"""The maximum of buffered bytes. If a line would exceed it, this and later lines are dropped, and the log has a gap."""
FLUSH_SECONDS = 1.0
"""How long ``flush`` waits at most, since it may delay the end of the process."""


class WriterThread(logging.Handler):
    """Formats each record at once, and writes it to *stream* from a separate thread.

    If the buffer is full, lines are dropped until the buffer has been written; then a line reports how many were dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.dropped = 0
        """Lines that were never written."""
        self._gap = 0
        # Not the handler's lock, which is held during ``flush`` at the end of the process.
        self._gap_lock = Lock()
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._accepted = self._written = 0  # Two counts of bytes; only the thread changes the second one.
        Thread(target=self._run, daemon=True, name="log").start()

    def emit(self, record: logging.LogRecord) -> None:
        """Format *record* and hand it to the thread."""
        data = self._formatted(record)
        if self._gap or self._accepted - self._written + len(data) > MOST_WAITING_BYTES:
            with self._gap_lock:
                if self._accepted > self._written:  # otherwise the thread has just ended the gap
                    self._gap += 1
                    self.dropped += 1
                    return
        self._accept(data)

    def flush(self) -> None:
        """Wait until every line is written, at most ``FLUSH_SECONDS``."""
        deadline = time.monotonic() + FLUSH_SECONDS
        while (self._gap or self._written < self._accepted) and time.monotonic() < deadline:
            time.sleep(0.005)

    def close(self) -> None:
        """End the thread after the buffered lines."""
        self._lines.put(None)
        super().close()

    def _formatted(self, record: logging.LogRecord) -> bytes:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - the arguments of a record may be anything, as in each handler of ``logging``
            line = f"the log line of {record.pathname}:{record.lineno} cannot be formatted"
        return f"{line}\n".encode(self._encoding, "backslashreplace")

    def _accept(self, data: bytes) -> None:
        self._accepted += len(data)
        self._lines.put(data)

    def _run(self) -> None:
        while (data := self._lines.get()) is not None:
            try:
                self._write(data)
            except (OSError, ValueError):  # the reader has gone for good, or the stream is closed
                self.dropped += 1
            self._written += len(data)
            if self._gap and self._written == self._accepted:
                notice = {
                    "name": __name__,
                    "levelno": logging.WARNING,
                    "levelname": "WARNING",
                    "msg": "%d log lines were dropped here, as the log was not read in time",
                }
                with self._gap_lock:
                    self._accept(self._formatted(logging.makeLogRecord(notice | {"args": (self._gap,)})))
                    self._gap = 0

    def _write(self, data: bytes) -> None:
        """Write to the file descriptor, because Python aborts at exit if a thread is blocked inside one of its streams."""
        try:
            descriptor = self._stream.fileno()
        except io.UnsupportedOperation:
            self._stream.write(data.decode(self._encoding))
            self._stream.flush()
            return
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:  # another process has made the pipe non-blocking
                select.select([], [descriptor], [])


def dropped() -> int:
    """Count the lines of this process that were never written."""
    return sum(
        handler.dropped for handler in logging.getLogger().handlers if isinstance(handler, WriterThread)
    )
