"""Host names of targets: refused for a forbidden address, a warning if there is no address, within two seconds."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.name_servers import NameServer, name_server

from trunkline.errors import TargetRefused
from trunkline.outbound import Outbound
from trunkline.subscribing import names
from trunkline.subscribing.names import TargetNames
from trunkline.targets.addresses import AddressPolicy

STRICT = AddressPolicy(allow_http=True)
ADDRESSES = {
    "public.test": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "private.test": ["10.0.0.7"],
    "one-of-two.test": ["93.184.215.14", "127.0.0.1"],
    "private6.test": ["93.184.215.14", "fd00::7"],
    "inside.test": ["64:ff9b::a9fe:a9fe"],
    "unknown.test": [],
}


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server(ADDRESSES) as running:
        yield running


async def check(server: NameServer, url: str, *, policy: AddressPolicy = STRICT, limit_seconds: float = 60):
    async with Outbound(policy, timeout_seconds=1, name_servers=[server.address]) as http:
        return await TargetNames(http, policy, limit_seconds).check(url, company_id=92)


async def test_a_name_of_public_addresses_is_taken_without_a_word(server):
    assert await check(server, "https://public.test:8443/hook") == []
    assert server.asked == ["public.test"] * 2


@pytest.mark.parametrize(
    "host", ["private.test", "one-of-two.test", "private6.test", "inside.test", "PRIVATE.test."]
)
async def test_a_name_is_refused_where_any_of_its_addresses_is_and_the_address_stays_untold(server, host):
    with pytest.raises(TargetRefused) as refused:
        await check(server, f"https://{host}/hook")
    (error,) = refused.value.errors
    shown = host.lower()
    message = f"leads to '{shown}', which resolves to an address that is not globally reachable"
    assert (error.path, error.message) == ("/target_url", message)


async def test_a_name_without_an_address_is_taken_with_a_warning(server):
    (warning,) = await check(server, "http://unknown.test/")
    assert warning.startswith("The name 'unknown.test' could not be resolved now: ")
    assert warning.endswith(".")


async def test_a_name_that_is_not_resolved_in_time_is_taken_with_a_warning(server):
    assert names.LIMIT_SECONDS == 2
    (warning,) = await check(server, "https://silent.test/", limit_seconds=0.05)
    assert "'silent.test' could not be resolved now" in warning


async def test_a_long_name_is_shortened_in_the_warning(server):
    host = ".".join(["x" * 60] * 4)
    (warning,) = await check(server, f"https://{host}/", limit_seconds=0.05)
    assert f"'{host[:60]}'" in warning


async def test_nobody_is_asked_where_private_networks_are_allowed_nor_about_what_has_no_host(server):
    lax = AddressPolicy(allow_private_networks=True)
    assert await check(server, "https://private.test/", policy=lax) == []
    assert await check(server, "mailto:jane@private.test") == []
    assert await check(server, "https://93.184.215.14/") == []
    assert server.asked == []


async def test_a_company_whose_lookups_hang_delays_no_other(server):
    async with Outbound(STRICT, timeout_seconds=20, name_servers=[server.address]) as http:
        checker = TargetNames(http, STRICT, limit_seconds=20)
        urls = [f"https://silent{n}.test/" for n in range(50)]
        hanging = [asyncio.create_task(checker.check(url, company_id=17)) for url in urls]
        await asyncio.sleep(0.05)
        assert await checker.check("https://public.test/", company_id=92) == []
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
