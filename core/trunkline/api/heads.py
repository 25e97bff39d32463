"""Checks of a request's head that RFC 9110 and 9112 require and the parser does not make."""

import functools
import re
from collections.abc import Mapping

from starlette.types import Scope

from trunkline.errors import SHOWN, NotFound, RequestMalformed

_HEAD_KEY = "trunkline.head"
_ONCE = {
    name.lower().encode(): name
    for name in ("Host", "Authorization", "X-Api-Key", "X-Company-Id", "X-Environment", "Idempotency-Key")
}
"""Headers that may appear once. A proxy and the hub could read different values of a repeated header."""
_HOST = re.compile(rb"([\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:\d*)?")


def head_of(scope: Scope) -> Mapping[bytes, bytes]:
    """Return the headers of a request by name; the last one if a name is repeated."""
    head: Mapping[bytes, bytes] | None = scope.get(_HEAD_KEY)
    if head is None:
        head = scope[_HEAD_KEY] = dict(scope["headers"])
    return head


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header of a request; None if it is not there."""
    value = head_of(scope).get(name)
    return None if value is None else value.decode("latin-1")


def check_head(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    """Check the head of a request; *headers* has its headers by name. Raises RequestMalformed, NotFound."""
    if scope["path"].endswith("\n"):  # a route's pattern ends before it, a proxy's rule does not
        raise NotFound("address", scope["path"].replace("\n", "%0A"))
    if len(headers) != len(scope["headers"]):
        names = [name for name, _ in scope["headers"] if name in _ONCE]
        for name in names:
            if names.count(name) > 1:
                raise RequestMalformed.header(_ONCE[name], "is given more than once; send it once")
    version = scope["http_version"]
    if version == "1.1":
        if b"host" not in headers:
            raise RequestMalformed.header("Host", "is missing")
        if not _is_host(headers[b"host"]):
            raise RequestMalformed.header("Host", f"must be a host and a port{_instead(headers[b'host'])}")
    elif version != "1.0":
        msg = f"HTTP/{version} is not served; send HTTP/1.1."
        raise RequestMalformed(msg)
    coding = headers.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
        message = f"must be 'chunked', in HTTP/1.1{_instead(coding)} in HTTP/{version}"
        raise RequestMalformed.header("Transfer-Encoding", message)


@functools.lru_cache(1024)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value.strip()) is not None


def _instead(value: bytes) -> str:
    return f", not '{value[:SHOWN].decode('latin-1')}'"
