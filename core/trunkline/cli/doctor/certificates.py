"""Judges a receiver's certificate: whether it is trusted and why, its names, and its validity."""

import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509

from trunkline.cli.doctor.checks import Check, bad, good, improve, printable

RENEWAL = timedelta(days=14)
"""A certificate should be renewed when less than this time and less than a quarter of its lifetime are left."""

# Constants of OpenSSL's x509_vfy.h, which the ssl module lacks.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = {18, 19}
_ISSUER_UNKNOWN = {2, 20, 21}
_WRONG_NAME = {62, 64}


def judge_trusted(der: bytes | None, *, host: str, now: float, renewal: timedelta | None = None) -> Check:
    """Judge the certificate of a successful handshake; *now* is Unix seconds.

    The certificate should be renewed when less than *renewal* is left until it expires; if *renewal* is None, when less
    than ``RENEWAL`` and less than a quarter of its lifetime are left.
    """
    if der is None:
        return improve("certificate", "The certificate cannot be read.")
    certificate = x509.load_der_x509_certificate(der)
    left = certificate.not_valid_after_utc - datetime.fromtimestamp(now, UTC)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if left < (renewal or min(RENEWAL, life / 4)):
        sentence = f"Expires in {_days(left)}; renew it, and see that renewal runs by itself."
        return improve("certificate", sentence)
    return good("certificate", f"Trusted, for '{host}', with {_days(left)} left.")


def judge_refused(der: bytes | None, *, host: str, now: float, error: ssl.SSLCertVerificationError) -> Check:
    """Make the check of a certificate that the hub refuses; *der* is None if the certificate could not be fetched."""
    certificate = None if der is None else x509.load_der_x509_certificate(der)
    match error.verify_code:
        case code if code in _SELF_SIGNED:
            fault = "It is self-signed, which the hub does not trust; use one of a public authority, such as Let's Encrypt."
        case code if code in _ISSUER_UNKNOWN:
            fault = "Its issuer is not known here; have the server send the intermediate certificates, of a public authority."
        case code if code in _WRONG_NAME:
            fault = f"It is for {_names(certificate)}, not for '{host}'; use one with that name."
        case code if code == _EXPIRED:
            since = ""
            if certificate is not None:
                since = f" {_days(datetime.fromtimestamp(now, UTC) - certificate.not_valid_after_utc)} ago"
            fault = f"It expired{since}; renew it, and see that renewal runs by itself."
        case code if code == _NOT_YET_VALID:
            fault = "It is not valid yet; check the clocks of the receiver and of this machine."
        case _:
            fault = f"The hub does not trust it: {error.verify_message}; replace it."
    return bad("certificate", fault)


def _names(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "another name"
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "no name"
    names = [
        *alternatives.get_values_for_type(x509.DNSName),
        *alternatives.get_values_for_type(x509.IPAddress),
    ]
    return ", ".join(f"'{printable(str(name))}'" for name in names[:3]) or "no name"


def _days(span: timedelta) -> str:
    return "1 day" if span.days == 1 else f"{span.days} days"
