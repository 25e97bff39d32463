"""Refusals of a malformed or late HTTP request, and of any request when the process or machine has no capacity left."""

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
        """Refuse a request because of the header *name*."""
        return cls(f"The header {name} {message}.", errors=[FieldError(name, message)])


class CodingUnknown(Refused):
    """The request's body has a content coding that is not supported."""

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
    """No connection, or no memory for bodies, is left. Nothing was done."""

    status = 503
    title = "Service unavailable"

    def __init__(self, what: str, *, retry_after_seconds: int) -> None:
        super().__init__(f"{what}; nothing was done. Try again in {retry_after_seconds} s.")
        self.headers = {"Retry-After": str(retry_after_seconds)}


class MachineExhausted(Overloaded):
    """The hub's machine has no file, memory, port or thread left. Neither the caller nor a target is at fault."""


class Stopping(Refused):
    """The process stopped before the request was done; it is unknown whether anything was stored."""

    status = 503
    title = "Service unavailable"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            "The process stopped before the request was done, which may or may not have been stored. "
            f"Send it again in {retry_after_seconds} s, with the same Idempotency-Key if it had one."
        )
        self.headers = {"Retry-After": str(retry_after_seconds)}
