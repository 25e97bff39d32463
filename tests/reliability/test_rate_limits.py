"""Rate limits of real processes under concurrent calls: each call is counted once, whichever process answers it."""

import asyncio
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence

import httpx2
import pytest
from tests.programs import redis_program

from trunkline import settings
from trunkline.hub.hub import Hub

LIMIT = 40
CALLS = 100
COMPANY = 92

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def redis(tmp_path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with redis_program(tmp_path) as (port, process):
        yield f"redis://127.0.0.1:{port}", process


@pytest.fixture
async def make_clients(deploy, postgres_database_url):
    """Start processes with settings of the limits; give a client of each, with one key."""
    deployment = deploy(postgres_database_url)
    opened: list[httpx2.AsyncClient] = []

    async def make(count: int, **limits: str) -> list[httpx2.AsyncClient]:
        deployment.environment |= {f"TRUNKLINE_LIMITS__{name.upper()}": text for name, text in limits.items()}
        async with Hub(settings.load(environment=deployment.environment), dispatch=False) as hub:
            _, deployment.keys[COMPANY] = await hub.keys.create(COMPANY, name="test", scopes=["events:read"])
        processes = await asyncio.gather(*(deployment.serve() for _ in range(count)))
        opened.extend(deployment.client(process, COMPANY) for process in processes)
        return opened

    yield make
    for client in opened:
        await client.aclose()


async def call_at_once(clients: Sequence[httpx2.AsyncClient]) -> list[httpx2.Response]:
    return await asyncio.gather(*(clients[number % len(clients)].get("/me") for number in range(CALLS)))


def check_counts(answers: Sequence[httpx2.Response]) -> None:
    """Check that each minute's calls are counted from one, over all processes, even if a minute ends between two calls."""
    minutes: defaultdict[int, list[httpx2.Response]] = defaultdict(list)
    for answer in answers:
        minutes[int(answer.headers["x-ratelimit-reset"])].append(answer)
    assert len(minutes) <= 2
    for reset, counted in minutes.items():
        assert reset % 60 == 0
        for answer in counted:
            assert answer.headers["x-ratelimit-limit"] == str(LIMIT)
            assert answer.headers["x-ratelimit-window"] == "1m"
            assert answer.headers["x-ratelimit-policy"] == f"read:{LIMIT}/1m"
        allowed = [answer for answer in counted if answer.status_code == 200]
        refused = [answer for answer in counted if answer.status_code == 429]
        assert len(allowed) + len(refused) == len(counted)
        assert len(allowed) == min(len(counted), LIMIT)
        remaining = sorted((int(answer.headers["x-ratelimit-remaining"]) for answer in allowed), reverse=True)
        assert remaining == list(range(LIMIT - 1, LIMIT - 1 - len(allowed), -1))
        for answer in refused:
            assert answer.headers["x-ratelimit-remaining"] == "0"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.json()["detail"].startswith(f"This API key may make {LIMIT} 'read' calls a minute;")


async def test_two_processes_with_redis_count_together_and_go_on_while_it_is_away(make_clients, redis):
    url, server = redis
    clients = await make_clients(2, enabled="true", read=f"{LIMIT}/minute", storage_url=url)
    check_counts(await call_at_once(clients))
    server.kill()
    server.wait()
    answers = await call_at_once(clients)
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {str(LIMIT)}


async def test_one_process_counts_every_call_of_many_at_once(make_clients):
    clients = await make_clients(1, enabled="true", read=f"{LIMIT}/minute")
    check_counts(await call_at_once(clients))
