"""A receiver that verifies, and certificates of receivers, for the doctor's tests."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook, WebhookVerificationError

from trunkline.targets.signatures import new_secret
from trunkline_kit.receiver import Answer, Connection, ReceivedRequest, Receiver, Reply

SECRET = new_secret("standard")


def is_genuine(request: ReceivedRequest) -> bool:
    try:
        Webhook(SECRET).verify(request.body, dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return False
    return True


def answering(receiver: Receiver, choose: Callable[[ReceivedRequest], Reply]) -> Reply:
    """Answer each request with the reply that *choose* gives.

    The newest request is the present one: the doctor sends one at a time, except two with the same id.
    """

    async def reply(connection: Connection) -> None:
        await choose(receiver.requests[-1])(connection)

    return reply


def verify(request: ReceivedRequest) -> Reply:
    """Do as a good receiver: 204 to a request that is signed with ``SECRET`` now, 401 to any other."""
    return Answer(204 if is_genuine(request) else 401)


@pytest.fixture
def make_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ssl.SSLContext]:
    """Make a self-signed certificate, which this process trusts unless told otherwise; give a server's context."""

    def make(
        *, days: int = 90, age_days: int = 0, has_names: bool = True, is_trusted: bool = True
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = "hooks.example.com"
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        # A minute earlier: OpenSSL's clock enters a second some milliseconds later than this one.
        begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=age_days, minutes=1)
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + dt.timedelta(days=days))
        )
        if has_names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = builder.sign(key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = tmp_path / "own.pem"
        file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(file)
        return server

    return make
