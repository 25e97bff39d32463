"""Refusals of a request as a message of HTTP, and of a process that has no room for it."""

from trunkline.errors.faults import SHOWN, FieldError
from trunkline.errors.refusals import Refused


class RequestTimeout(Refused):
    """The request did not come in time; the connection is closed."""

    status = 408
    title = "Request timeout"

    def __init__(self, part: str) -> None:
        super().__init__(f"The {part} of the request did not come in time; send it again.")


class RequestMalformed(Refused):
    """The request is not valid HTTP, or repeats a header that may appear once."""

    title = "Malformed request"

    @classmethod
    def header(cls, name: str, message: str) -> "RequestMalformed":
        """Name the one header at fault."""
        return cls(f"The header {name} {message}.", errors=[FieldError(name, message)])


class CodingUnknown(Refused):
    """The request's body is encoded in a way that is not read."""

    status = 415
    title = "Unsupported media type"

    def __init__(self, coding: str) -> None:
        message = f"must be gzip, or absent, not '{coding[:SHOWN]}'"
        super().__init__(
            f"The header Content-Encoding {message}.", errors=[FieldError("Content-Encoding", message)]
        )
        self.headers = {"Accept-Encoding": "gzip"}


class HeadTooLarge(Refused):
    """The request's head, or the framing of its body, is too long; the connection is closed."""

    status = 431
    title = "Request header fields too large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The request line and headers, or the chunk extensions and trailers, are longer than the {limit_bytes} bytes "
            "that are read; send less of them."
        )


class Overloaded(Refused):
    """All of what requests share is taken: connections, or memory for bodies. Nothing was done."""

    status = 503
    title = "Service unavailable"

    def __init__(self, what: str, *, retry_after_seconds: int) -> None:
        super().__init__(f"{what}; nothing was done. Try again in {retry_after_seconds} s.")
        self.headers = {"Retry-After": str(retry_after_seconds)}


class MachineExhausted(Overloaded):
    """The machine that the hub runs on has no file, memory, port or thread left. It is the fault of no caller and no target."""


class Stopping(Refused):
    """The process stopped before the request was done; whether anything was stored is not known."""

    status = 503
    title = "Service unavailable"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            "The process stopped before the request was done, which may or may not have been stored. "
            f"Send it again in {retry_after_seconds} s, with the same Idempotency-Key if it had one."
        )
        self.headers = {"Retry-After": str(retry_after_seconds)}
