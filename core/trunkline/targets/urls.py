"""Checks that a channel accepts the target URL, of any scheme, of a subscription that is created or changed.

Pure. The ``AddressPolicy`` checks HTTP targets, here and again at each connection. Any other target names a destination
*within* a service that the operator configured (a mailbox, a subject, a queue), so only its form is checked here.
"""

import re
from collections.abc import Sequence

import ada_url

from trunkline.errors import TargetRefused
from trunkline.targets.addresses import MAX_URL_LENGTH, AddressPolicy

HTTP_SCHEMES = ("https", "http")

_NAME = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)  # RFC 3986 §3.1, in the lower case that channels use
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_USER_INFO = re.compile(r"[^:]*://[^/?#]*@")
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)


def check(url: str, *, schemes: Sequence[str], policy: AddressPolicy) -> None:
    """Check *url* for a channel that takes *schemes*. HTTP schemes may be in capitals; others must match exactly.

    Raises TargetRefused: the channel does not take *url*; one sentence says why.
    """
    scheme = scheme_of(url)
    if set(schemes) == set(HTTP_SCHEMES) or (scheme in HTTP_SCHEMES and scheme in schemes):
        policy.check_url(url)
        return
    if scheme not in schemes:
        starts = [f"'{each}://'" if each in HTTP_SCHEMES else f"'{each}:'" for each in schemes]
        msg = f"must start with {' or '.join(starts)}"
        raise TargetRefused(msg)
    if len(url) > MAX_URL_LENGTH:
        msg = f"is longer than {MAX_URL_LENGTH} characters"
        raise TargetRefused(msg)
    if not url.isprintable() or " " in url or "\\" in url or _ENCODED_CONTROL.search(url):
        msg = "must not contain whitespace, control characters or backslashes"
        raise TargetRefused(msg)
    if not url.removeprefix(f"{scheme}:").strip("/"):
        msg = f"names nothing after '{scheme}:'"
        raise TargetRefused(msg)
    if _USER_INFO.match(url):
        msg = "must not contain a user name or a password"
        raise TargetRefused(msg)


def scheme_of(url: str) -> str:
    """Read the scheme of *url*, lower-cased if it is HTTP's; empty if there is none."""
    scheme = _SCHEME.match(url)
    written = scheme[1] if scheme else ""
    return written.lower() if written.lower() in HTTP_SCHEMES else written


def is_same_origin(url: str, other: str) -> bool:
    """Return True if two target URLs have the same scheme, host and port; only HTTP URLs have an origin."""
    if url == other:
        return True
    try:
        origin, other_origin = (ada_url.URL(text).origin for text in (url, other))
    except ValueError:
        return False
    return origin == other_origin != "null"


def is_same(url: str, other: str) -> bool:
    """Return True if two target URLs name the same target, ignoring notation and fragments."""
    return url == other or _normal(url) == _normal(other)


def _normal(url: str) -> str:
    try:
        return ada_url.URL(url).href.partition("#")[0]
    except ValueError:
        return url


def find_schemes_fault(schemes: object) -> str | None:
    """Return the reason why *schemes* cannot be the schemes of a channel; None if they can."""
    if not isinstance(schemes, tuple) or not schemes:
        return "schemes are not a tuple of at least one name"
    for name in schemes:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return f"scheme {name!r} is not a URL's scheme in lower case, without its colon"
    return None
