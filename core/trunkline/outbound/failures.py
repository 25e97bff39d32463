"""The errors of a push, named as in the delivery log."""

from trunkline.errors import AddressRefused


class NoAnswer(ConnectionError):
    """The target gave no usable answer. *error* names the failure in the attempt's record; *reason* is for a log.

    *reason* contains neither URL nor headers.
    """

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(f"{error}: {reason}")
        self.error = error
        self.reason = reason


SENT_TWICE = "the request was sent twice"
"""A note (PEP 678) on an exception that ``Outbound.send`` raised after it had sent the request again."""


class ClosedBeforeAnswer(NoAnswer):
    """The connection ended before the first byte of an answer."""


def was_sent_twice(exception: BaseException) -> bool:
    """Return True if the request of the call that raised *exception* was sent twice."""
    return SENT_TWICE in getattr(exception, "__notes__", ())


def error_of(exception: BaseException) -> str:
    """Name *exception*, raised by ``Outbound.send``, as the attempt records it.

    Returns one of ``address_refused``, ``timeout``, ``dns_failed``, ``connection_refused``, ``connection_failed``,
    ``invalid_answer``, or ``tls_failed: NAME: SENTENCE`` with the fault and its remedy (``outbound.tls``).
    """
    match exception:
        case AddressRefused():
            return "address_refused"
        case TimeoutError():
            return "timeout"
        case NoAnswer():
            return exception.error
        case ConnectionRefusedError():
            return "connection_refused"
        case _:
            return "connection_failed"
