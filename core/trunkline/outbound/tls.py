"""TLS to targets: checking certificates, naming failures with a remedy, and resuming sessions."""

import ssl
import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

from trunkline.outbound.failures import NoAnswer

SESSION_SECONDS = 600.0
"""How long after a check of the certificate a session may be resumed. A resumed handshake does not check the certificate."""
MAX_SESSIONS = 1024

_TRUST = "let the operator of this hub trust yours (SSL_CERT_FILE)"
_REMEDIES: Mapping[str, str] = {
    "expired": "The target's certificate has expired; renew it.",
    "not_yet_valid": "The target's certificate is not valid yet; check its dates, and the clocks of the target and of this hub.",
    "wrong_name": "The target's certificate is for another name; get one for the host of the URL, or correct the URL.",
    "unknown_issuer": "This hub does not trust the issuer of the target's certificate; use a public authority, or "
    f"{_TRUST}.",
    "incomplete_chain": "The target sends its certificate without its issuer's; configure the full chain at the target.",
    "unknown_issuer_or_incomplete_chain": "This hub does not know the issuer of the target's certificate, and the target sends "
    f"no other; configure the full chain at the target, or, if the authority is private, {_TRUST}.",
    "certificate": "The target's certificate is not acceptable ({reason}); replace it.",
    "version": "The target speaks neither TLS 1.2 nor TLS 1.3; enable one of them.",
    "client_certificate": "The target asks for a client certificate, which this hub does not have; turn that off for this URL, "
    "and verify the signatures of events instead.",
    "no_tls": "The target's port does not speak TLS; correct the port of the URL, or enable TLS there.",
    "handshake": "The TLS handshake failed ({reason}); check the TLS settings of the target.",
}
# Constants of OpenSSL's x509_vfy.h, which the ssl module lacks.
_ISSUER_NOT_FOUND = {2, 20, 21}
_BY_CODE = {
    9: "not_yet_valid",
    10: "expired",
    18: "unknown_issuer",
    19: "unknown_issuer",
    62: "wrong_name",
    64: "wrong_name",
}
ASKED_FOR_CERTIFICATE = {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_BAD_CERTIFICATE"}
"""The alerts of a target that requires a client certificate."""
_BY_REASON = dict.fromkeys(ASKED_FOR_CERTIFICATE, "client_certificate") | {
    "TLSV1_ALERT_PROTOCOL_VERSION": "version",
    "UNSUPPORTED_PROTOCOL": "version",
    "WRONG_SSL_VERSION": "version",
    "WRONG_VERSION_NUMBER": "no_tls",
    "RECORD_LAYER_FAILURE": "no_tls",
    "PACKET_LENGTH_TOO_LONG": "no_tls",
}
_CA_ISSUERS = bytes.fromhex("2b06010505073002")
"""The object identifier of the issuer's certificate address, which public authorities include (RFC 5280 §4.2.2.1)."""
_DER = 2
"""``_ssl.ENCODING_DER``."""


def tls_context() -> ssl.SSLContext:
    """Make the context that verifies certificates: the host must be an alternative name of the certificate (RFC 9525 §6.4).

    Python 3.13 refuses certificates without some extensions of RFC 5280, which private authorities leave out and other
    clients do not require. This context accepts them with every version.
    """
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian 12's Python leaves it to OpenSSL
    return context


def failure(error: ssl.SSLError) -> NoAnswer:
    """Convert *error* to the failure of an attempt, ``tls_failed: NAME: SENTENCE``, with a remedy."""
    reason: str = getattr(error, "verify_message", None) or error.reason or "no reason given"
    name = next(iter(getattr(error, "__notes__", ())), None) or _name_of(error, ())
    words = reason.lower().replace("_", " ")
    return NoAnswer(f"tls_failed: {name}: {_REMEDIES[name].format(reason=words)}", reason)


def _name_of(error: ssl.SSLError, chain: Sequence[bytes]) -> str:
    """Return the name of *error*, a key of ``_REMEDIES``; *chain* has the certificates that the target sent."""
    code: int = getattr(error, "verify_code", 0)
    if code in _ISSUER_NOT_FOUND:
        if len(chain) > 1:
            return "unknown_issuer"
        is_public = bool(chain) and _CA_ISSUERS in chain[0]
        return "incomplete_chain" if is_public else "unknown_issuer_or_incomplete_chain"
    if code:
        return _BY_CODE.get(code, "certificate")
    reason = error.reason or ""
    if reason == "SSLV3_ALERT_HANDSHAKE_FAILURE" and chain:  # TLS 1.2, after the cipher was agreed on
        return "client_certificate"
    return _BY_REASON.get(reason, "handshake")


class Handshake(ssl.SSLObject):
    """The TLS layer of a connection; it adds the name of the failure to a handshake's exception, as a note (PEP 678)."""

    def do_handshake(self) -> None:
        """Continue the handshake."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            # Public in Python 3.13.
            chain = cast("Any", self)._sslobj.get_unverified_chain() or ()  # noqa: SLF001
            error.add_note(_name_of(error, [certificate.public_bytes(_DER) for certificate in chain]))
            raise


class Sessions:
    """Stores a TLS session per key; for ``SESSION_SECONDS`` the next connections with the key resume the session.

    *context* replaces the default TLS context.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._kept: dict[Hashable, tuple[ssl.SSLSession, float]] = {}

    def context(self, key: Hashable) -> ssl.SSLContext:
        """Return the TLS context for the next connection with *key*."""
        if self._context is None:
            self._context = tls_context()
        self._context.sslobject_class = Handshake
        session, until = self._kept.get(key, (None, 0.0))
        if session is None or time.monotonic() >= until:
            return self._context
        return cast("ssl.SSLContext", _Resuming(self._context, session))

    def keep(self, key: Hashable, secured: ssl.SSLObject) -> None:
        """Store the session of a connection with *key*. Call this after an answer: the session tickets arrive with it."""
        if secured.session_reused:  # the stored session can be resumed again
            return
        session = secured.session
        self.forget(key)
        if session is not None and (session.has_ticket or session.id):
            self._kept[key] = (session, time.monotonic() + SESSION_SECONDS)
            if len(self._kept) > MAX_SESSIONS:
                del self._kept[next(iter(self._kept))]

    def forget(self, key: Hashable) -> None:
        """Remove the session of *key*, so that the next handshake with *key* is a full one."""
        self._kept.pop(key, None)


class _Resuming:
    """A TLS context that offers *session* for resumption. It has only the one method that asyncio and uvloop call."""

    def __init__(self, context: ssl.SSLContext, session: ssl.SSLSession) -> None:
        self._context = context
        self._session = session

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **options: Any) -> ssl.SSLObject:
        """Begin TLS."""
        return self._context.wrap_bio(incoming, outgoing, session=self._session, **options)
