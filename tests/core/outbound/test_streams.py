"""Connections for protocols other than HTTP, over real sockets: the same guard, the same checks of certificates."""

import asyncio
import ssl

import pytest

from trunkline.errors import AddressRefused
from trunkline.outbound import NoAnswer, Outbound
from trunkline.outbound.streams import Network
from trunkline.targets.addresses import AddressPolicy

STRICT = AddressPolicy()
DEVELOPMENT = AddressPolicy(allow_private_networks=True)


@pytest.fixture
async def echo():
    """Start a server that echoes; give its port, and a count of its clients."""
    seen = []

    async def answer(reader, writer):
        seen.append(True)
        writer.write(await reader.readline())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], seen


def network(policy, addresses=("127.0.0.1",), **more) -> Network:
    async def resolve(_host, _port):
        return list(addresses)

    return Network(Outbound(policy, timeout_seconds=1, resolve=resolve, **more))


async def say(way: Network, host: str, port: int, **more) -> bytes:
    reader, writer = await way.connect(host, port, company_id=92, **more)
    writer.write(b"hello\n")
    heard = await reader.readline()
    writer.close()
    return heard


async def test_what_the_policy_allows_is_dialled(echo):
    assert await say(network(DEVELOPMENT), "broker.example.com", echo[0]) == b"hello\n"
    assert await network(DEVELOPMENT).addresses("broker.example.com", 1, company_id=92) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("0x7f.1", ["127.0.0.1"]),
        ("broker.example.com", ["8.8.8.8", "127.0.0.1"]),
        ("broker.internal", ["8.8.8.8"]),
        ("user@a", ["8.8.8.8"]),
        ("", ["8.8.8.8"]),
    ],
)
async def test_what_it_forbids_is_not_dialled_whatever_names_it(echo, host, addresses):
    with pytest.raises(AddressRefused):
        await say(network(STRICT, addresses), host, echo[0])
    assert echo[1] == []


@pytest.mark.parametrize("port", [0, 65_536, -1])
async def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(AddressRefused, match="a number from 1 to 65535"):
        await network(DEVELOPMENT).connect("broker.example.com", port, company_id=92)


async def test_a_port_where_nobody_listens_is_named(echo):
    port = echo[0]
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as closed:
        port = closed.sockets[0].getsockname()[1]
    with pytest.raises(NoAnswer, match="connection_refused"):
        await say(network(DEVELOPMENT), "broker.example.com", port)


async def test_tls_wants_a_certificate_for_the_host(tls_receiver, certificate):
    trusted = ssl.create_default_context(cafile=certificate)
    port = tls_receiver.port
    reader, writer = await network(DEVELOPMENT, ssl_context=trusted).connect(
        "hooks.example.com", port, company_id=92, tls=True
    )
    writer.close()
    assert reader is not None
    for way, host in (
        (network(DEVELOPMENT, ssl_context=trusted), "other.example.com"),
        (network(DEVELOPMENT), "hooks.example.com"),
    ):
        with pytest.raises(NoAnswer, match="tls_failed"):
            await way.connect(host, port, company_id=92, tls=True)
