"""TLS to real servers: each fault is named with its remedy, and sessions are resumed."""

import asyncio
import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.certificates import HOST, Issued, issue, server_context

from trunkline.outbound import NoAnswer, Outbound, error_of, tls
from trunkline.targets.addresses import AddressPolicy
from trunkline_kit.receiver import Answer, CloseWithoutAnswer, Receiver, Reset

DEVELOPMENT = AddressPolicy(allow_http=True, allow_private_networks=True)
CLOSING = Answer(headers={"connection": "close"})


@pytest.fixture(scope="module")
def root() -> Issued:
    """Make the authority that the hub trusts."""
    return issue("root", is_authority=True)


@pytest.fixture(scope="module")
def leaf(root: Issued) -> Issued:
    return issue(HOST, issuer=root)


async def _resolve(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def hub(root: Issued) -> Outbound:
    """Make the client of a hub that trusts only *root*."""
    context = ssl.create_default_context(cadata=root.pem.decode())
    context.verify_flags = tls.tls_context().verify_flags
    context.minimum_version = tls.tls_context().minimum_version
    return Outbound(DEVELOPMENT, timeout_seconds=10, ssl_context=context, resolve=_resolve)


async def error(context: ssl.SSLContext | None, root: Issued) -> str:
    """Push to a server with *context*; return the attempt's word for the result."""
    async with Receiver(ssl_context=context) as receiver, hub(root) as http:
        with pytest.raises(NoAnswer) as caught:
            await http.post(f"https://{HOST}:{receiver.port}/", body=b"{}", headers={})
        assert receiver.count == 0
    return error_of(caught.value)


@contextlib.asynccontextmanager
async def refusing(context: ssl.SSLContext) -> AsyncIterator[int]:
    """Run a server that refuses the handshake, on OpenSSL's own sockets, because asyncio closes without the alert; give its port."""

    def serve(listening: socket.socket) -> None:
        accepted, _ = listening.accept()
        secured = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(ssl.SSLError):
            secured.do_handshake()
        with socket.socket(fileno=secured.detach()) as connection:
            while connection.recv(65_536):  # unread data at the end could discard the alert
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening])
        thread.start()
        yield listening.getsockname()[1]
        await asyncio.to_thread(thread.join)


async def refusal(context: ssl.SSLContext, root: Issued) -> str:
    """Push to a server that refuses the handshake; return the attempt's word for the result."""
    async with refusing(context) as port, hub(root) as http:
        with pytest.raises(NoAnswer) as caught:
            await http.post(f"https://{HOST}:{port}/", body=b"{}", headers={})
    return error_of(caught.value)


@pytest.mark.parametrize(
    ("days", "host", "expected"),
    [
        ((-9, -2), HOST, "tls_failed: expired: The target's certificate has expired; renew it."),
        ((2, 9), HOST, "tls_failed: not_yet_valid: The target's certificate is not valid yet; check its"),
        ((-1, 1), "x.example.com", "tls_failed: wrong_name: The target's certificate is for another name;"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_named(root, tmp_path, days, host, expected):
    context = server_context(tmp_path, issue(host, issuer=root, days=days))
    assert (await error(context, root)).startswith(expected)


async def test_an_unknown_issuer_is_told_from_a_chain_that_is_not_whole(root, tmp_path):
    stranger = issue("stranger", is_authority=True)
    own, intermediate = issue(HOST), issue("intermediate", issuer=root, is_authority=True)
    between = issue("between", issuer=stranger, is_authority=True)
    public = issue(HOST, issuer=intermediate, says_where_its_issuer_is=True)
    for chain, name in (
        ([own], "unknown_issuer"),
        ([issue(HOST, issuer=stranger), stranger], "unknown_issuer"),
        ([issue(HOST, issuer=between), between], "unknown_issuer"),
        ([public], "incomplete_chain"),
        ([issue(HOST, issuer=intermediate)], "unknown_issuer_or_incomplete_chain"),
    ):
        assert (await error(server_context(tmp_path, *chain), root)).split(": ")[1] == name


async def test_a_target_that_speaks_only_an_old_version_is_named(root, leaf, tmp_path):
    context = server_context(tmp_path, leaf)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert (await refusal(context, root)).startswith("tls_failed: version: ")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_target_that_asks_for_a_client_certificate_is_named(root, leaf, tmp_path, version):
    context = server_context(tmp_path, leaf)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=root.pem.decode())
    assert (await refusal(context, root)).startswith("tls_failed: client_certificate: ")


async def test_a_target_without_a_cipher_in_common_asks_for_no_client_certificate(root, leaf, tmp_path):
    context = server_context(tmp_path, leaf)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # the certificate has an elliptic-curve key
    assert (await refusal(context, root)).startswith("tls_failed: handshake: ")


async def test_a_target_that_speaks_no_tls_is_named(root):
    assert (await error(None, root)).startswith("tls_failed: no_tls: ")


@pytest.mark.parametrize("ending", [CloseWithoutAnswer(), Reset()])
async def test_a_request_on_an_ended_connection_is_sent_again_over_tls_too(root, leaf, tmp_path, ending):
    async with Receiver(ssl_context=server_context(tmp_path, leaf)) as receiver, hub(root) as http:
        receiver.script([Answer(), ending, Answer(202)])
        url = f"https://{HOST}:{receiver.port}/"
        answers = [await http.post(url, body=b"{}", headers={}) for _ in range(2)]
    assert [(answer.status, answer.sent_twice) for answer in answers] == [(200, False), (202, True)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_new_connection_resumes_the_session_of_its_company_alone(root, leaf, tmp_path, version):
    context = server_context(tmp_path, leaf)
    context.maximum_version = version
    async with Receiver(ssl_context=context) as receiver, hub(root) as http:
        receiver.always(CLOSING)
        for tenant in (1, 1, 2, 1):
            url = f"https://{HOST}:{receiver.port}/"
            assert (await http.for_tenant(tenant).post(url, body=b"{}", headers={})).status == 200
        assert receiver.connections == 4
    stats = context.session_stats()
    assert (stats["accept_good"], stats["hits"]) == (4, 2)


async def test_a_certificate_is_checked_again_in_spite_of_resumption(root, leaf, tmp_path, monkeypatch):
    monkeypatch.setattr(tls, "SESSION_SECONDS", 0.2)
    context = server_context(tmp_path, leaf)
    async with Receiver(ssl_context=context) as receiver, hub(root) as http:
        receiver.always(CLOSING)
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.45
        while loop.time() < until:
            await http.post(f"https://{HOST}:{receiver.port}/", body=b"{}", headers={})
        made = receiver.connections
    assert 1 < made - context.session_stats()["hits"] < made
