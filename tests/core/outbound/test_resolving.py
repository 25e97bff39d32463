"""Names to addresses: a silent name server delays no other name, and its last answer stays in use."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
from tests.name_servers import name_server

from trunkline.outbound import Outbound, resolving
from trunkline.outbound.resolving import Names, NameServers, NameServersSilent
from trunkline.targets.addresses import AddressPolicy

DEVELOPMENT = AddressPolicy(allow_http=True, allow_private_networks=True)


@pytest.fixture
async def servers() -> AsyncIterator[NameServers]:
    async with name_server({"good.test": ["192.0.2.7"], "bad.test": []}) as running:
        asked = NameServers([running.address])
        yield asked
        await asked.close()


async def test_a_name_is_found_denied_or_left_open(servers):
    assert await servers.resolve("good.test", 443) == ["192.0.2.7"]
    assert await servers.resolve("192.0.2.9", 443) == ["192.0.2.9"]
    with pytest.raises(OSError) as denied:
        await servers.resolve("bad.test", 443)
    assert not isinstance(denied.value, NameServersSilent)
    with pytest.raises(NameServersSilent):
        await servers.resolve("silent.test", 443)


async def test_two_hundred_lookups_that_nobody_answers_hold_up_no_other(servers):
    silent = [asyncio.create_task(servers.resolve(f"silent{n}.test", 443)) for n in range(200)]
    await asyncio.sleep(0.05)
    assert await servers.resolve("good.test", 443) == ["192.0.2.7"]
    assert not any(task.done() for task in silent)
    for task in silent:
        task.cancel()
    await asyncio.gather(*silent, return_exceptions=True)


@pytest.mark.slow
async def test_a_slow_name_server_is_waited_for_within_the_attempt_and_its_answer_kept(
    receiver,
):
    quick = {f"quick{n}.test": ["127.0.0.1"] for n in range(30)}
    async with (
        name_server({"good.test": ["127.0.0.1"], **quick}) as running,
        Outbound(DEVELOPMENT, timeout_seconds=10, name_servers=[running.address]) as http,
    ):

        async def post(name: str) -> float:
            began = time.monotonic()
            answer = await http.for_tenant(1).post(f"http://{name}:{receiver.port}/", body=b"{}", headers={})
            assert answer.status == 200
            return time.monotonic() - began

        for name in quick:  # c-ares now takes it for a fast server, and waits a quarter of a second
            await post(name)
        running.delay_seconds = 3
        assert 3 < await post("good.test") < 20
        assert await post("good.test") < 2.9
        http._names._entries["good.test"].fresh_until = 0
        assert await post("good.test") < 2.9, "a kept connection, or the last answer, serves"


class Script:
    """A resolver that acts as the test says; *gate*, until it is set, holds up names that begin with slow."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.outcome: Sequence[str] | OSError = ["192.0.2.7"]
        self.gate = asyncio.Event()

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        if host.startswith("slow"):
            await self.gate.wait()
        if isinstance(self.outcome, OSError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def make_names(script) -> Iterator[Callable[..., Names]]:
    """Make names that ask *script*, after the resolvers *before* it."""
    with contextlib.ExitStack() as stack:

        def make(*before, cache_seconds: float = 10) -> Names:
            names = Names(*before, script, cache_seconds=cache_seconds)
            stack.callback(names.close)
            return names

        yield make


async def _too_slow(_host: str, _port: int) -> Sequence[str]:
    raise resolving.NameServersSlow


async def test_what_a_slow_lookup_finds_is_kept_for_the_next_though_nobody_waited_so_long(script, make_names):
    names = make_names(_too_slow)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await names.addresses("slow.test", 443, tenant=1)
    script.gate.set()
    await asyncio.sleep(0.01)
    assert await names.addresses("slow.test", 443, tenant=1) == ["192.0.2.7"]
    assert script.asked == ["slow.test"]


async def test_a_tenant_has_few_lookups_that_are_waited_for_patiently(script, make_names):
    names = make_names(_too_slow)
    callers = [
        asyncio.create_task(names.addresses(f"slow{n}.test", 443, tenant=n % 2))
        for n in range(4 * resolving.PATIENT_PER_TENANT)
    ]
    await asyncio.sleep(0.05)
    assert len(script.asked) == 2 * resolving.PATIENT_PER_TENANT
    assert sum(caller.done() for caller in callers) == 2 * resolving.PATIENT_PER_TENANT
    script.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert (
        sum(isinstance(result, NameServersSilent) for result in results) == 2 * resolving.PATIENT_PER_TENANT
    )


async def test_callers_of_one_slow_name_take_one_turn(script, make_names):
    names = make_names()
    callers = [
        asyncio.create_task(names.addresses("slow.test", 443, tenant=1))
        for _ in range(2 * resolving.LOOKUPS_PER_TENANT)
    ]
    async with asyncio.timeout(5):
        assert await names.addresses("good.test", 443, tenant=1) == ["192.0.2.7"]
    script.gate.set()
    await asyncio.gather(*callers)


async def test_an_old_answer_serves_where_a_new_one_takes_long(monkeypatch, script, make_names):
    monkeypatch.setattr(resolving, "STALE_WAIT_SECONDS", 0.05)
    names = make_names(cache_seconds=0)
    script.gate.set()
    assert await names.addresses("slow.test", 443, tenant=1) == ["192.0.2.7"]
    script.gate.clear()
    script.outcome = ["192.0.2.8"]
    async with asyncio.timeout(5):
        assert await names.addresses("slow.test", 443, tenant=1) == ["192.0.2.7"]
    script.gate.set()
    assert await names.addresses("slow.test", 443, tenant=1) == ["192.0.2.8"]


async def test_a_tenant_whose_lookups_are_all_taken_holds_up_no_other(script, make_names):
    names = make_names()
    waiting = [
        asyncio.create_task(names.addresses(f"slow{n}.test", 443, tenant=1))
        for n in range(resolving.LOOKUPS_PER_TENANT)
    ]
    behind = asyncio.create_task(names.addresses("good.test", 443, tenant=1))
    await asyncio.sleep(0.01)
    assert "good.test" not in script.asked
    async with asyncio.timeout(5):
        assert await names.addresses("good.test", 443, tenant=2) == ["192.0.2.7"]
    script.gate.set()
    assert await asyncio.gather(*waiting, behind) == [["192.0.2.7"]] * len([*waiting, behind])


async def test_the_last_answer_serves_while_no_name_server_answers(script, make_names):
    names = make_names(cache_seconds=0)
    assert await names.addresses("good.test", 443, tenant=1) == ["192.0.2.7"]
    script.outcome = NameServersSilent(12, "timeout")
    assert await names.addresses("good.test", 443, tenant=1) == ["192.0.2.7"]
    script.outcome = OSError(4, "not found")
    with pytest.raises(OSError, match="not found"):
        await names.addresses("good.test", 443, tenant=1)


async def test_a_failure_is_remembered_for_a_while(script, make_names):
    script.outcome = OSError(4, "not found")
    names = make_names()
    for _ in range(3):
        with pytest.raises(OSError, match="not found"):
            await names.addresses("bad.test", 443, tenant=1)
    assert script.asked == ["bad.test"]


async def test_one_lookup_serves_everybody_who_waits_for_it(script, make_names):
    names = make_names()
    callers = [
        asyncio.create_task(names.addresses("slow.test", 443, tenant=tenant)) for tenant in range(1, 6)
    ]
    await asyncio.sleep(0.01)
    script.gate.set()
    await asyncio.gather(*callers)
    assert script.asked == ["slow.test"]
