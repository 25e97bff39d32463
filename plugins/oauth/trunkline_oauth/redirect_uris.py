"""Redirect URIs: check them for registration, match sent ones, and add parameters. Pure."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlencode, urlsplit

MAX_CHARACTERS = 1_000
_PLAIN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*", re.ASCII)
_ORIGIN = re.compile(r"[A-Za-z0-9.\-\[\]:]+", re.ASCII)
"""The hosts and ports that a Content-Security-Policy can name, as that of the page that asks for consent does."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_REFUSED_SCHEMES = frozenset(
    {"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "vbscript", "ws", "wss"}
)


def find_fault(uri: str) -> str | None:
    """Return the reason why *uri* cannot be registered; None if it can."""
    if len(uri) > MAX_CHARACTERS:
        return f"must have {MAX_CHARACTERS} or fewer characters"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "is not a URI"
    if _PLAIN.fullmatch(uri) is None or _SCHEME.fullmatch(parts.scheme) is None or "#" in uri or "\\" in uri:
        return "must be a URI of plain characters, without a fragment"
    return _find_scheme_fault(parts)


def _find_scheme_fault(parts: SplitResult) -> str | None:
    if parts.scheme in _REFUSED_SCHEMES:
        return f"must not have the scheme '{parts.scheme}'"
    if "@" in parts.netloc:
        return "must have no user name in it"
    if parts.scheme in {"http", "https"} and not (parts.hostname and _ORIGIN.fullmatch(parts.netloc)):
        return "must name a host, by letters, digits, '-' and '.'"
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return (
            "must begin with https://; http:// is for programs on a person's own machine (http://127.0.0.1)"
        )
    return None


def find_registered(sent: str | None, registered: Sequence[str]) -> str | None:
    """Return *sent* if it is registered. If *sent* is None, return the only registered URI. Otherwise return None.

    URIs must be equal, except for the port of a loopback address: a program learns its port only when it runs (RFC
    8252, 7.3).
    """
    if sent is None:
        return registered[0] if len(registered) == 1 else None
    if sent in registered:
        return sent
    portless = _without_port(sent)
    is_registered = portless is not None and portless in {_without_port(uri) for uri in registered}
    return sent if is_registered and find_fault(sent) is None else None


def is_loopback(uri: str) -> bool:
    """Return True if *uri* leads to a program on the person's own machine."""
    return urlsplit(uri).hostname in _LOOPBACK


def target_of(uri: str) -> str:
    """Return the ``form-action`` source that allows *uri*: the origin of *uri*, or its scheme with the colon."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Add *parameters* that have a value to the query of *uri*."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}"


def _without_port(uri: str) -> str | None:
    """Write a loopback URI without its port; None for any other URI."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme != "http" or host not in _LOOPBACK or "@" in parts.netloc:
        return None
    return f"{host} {parts.path}?{parts.query}"
