"""Counting calls by minute, in the process and in Redis."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from trunkline.access.limits import Allowance, Limits
from trunkline.errors import RateLimited, SettingsInvalid
from trunkline.settings import Limits as LimitSettings

MINUTE = 28_000_000
START = MINUTE * 60


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def hit(limits: Limits, key: str, bucket: str) -> int:
    """Count a call that is allowed; return how many remain."""
    allowance = await limits.hit(key, bucket)
    assert allowance is not None
    return allowance.remaining


def settings(**given: object) -> LimitSettings:
    return LimitSettings.model_validate({"read": "3/minute", "write": "2/minute", **given})


async def test_an_allowance_shows_the_headers_of_the_contract():
    allowance = await Limits(LimitSettings(), now=Clock(START + 12.9)).hit("key_1", "read")
    assert allowance == Allowance(60, 59, START + 60, "read")
    assert allowance.headers() == [
        (b"x-ratelimit-limit", b"60"),
        (b"x-ratelimit-remaining", b"59"),
        (b"x-ratelimit-reset", b"%d" % (START + 60)),
        (b"x-ratelimit-window", b"1m"),
        (b"x-ratelimit-policy", b"read:60/1m"),
    ]


async def test_the_call_over_the_limit_is_refused_until_the_minute_ends():
    clock = Clock(START + 0.5)
    limits = Limits(settings(), now=clock)
    assert [await hit(limits, "key_1", "read") for _ in range(3)] == [2, 1, 0]
    clock.now = START + 58.2
    with pytest.raises(RateLimited) as refused:
        await limits.hit("key_1", "read")
    assert refused.value.headers == {
        "Retry-After": "2",
        "x-ratelimit-limit": "3",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(START + 60),
        "x-ratelimit-window": "1m",
        "x-ratelimit-policy": "read:3/1m",
    }
    clock.now = START + 60
    assert await hit(limits, "key_1", "read") == 2


async def test_keys_and_buckets_are_counted_apart():
    limits = Limits(settings(), now=Clock())
    counted = [
        await hit(limits, *which) for which in (("key_1", "read"), ("key_2", "read"), ("key_1", "write"))
    ]
    assert counted == [2, 2, 1]


async def test_what_a_plugin_counts_goes_with_the_calls_of_the_same_key():
    limits = Limits(settings(), now=Clock())
    await limits.count("key_1", "write")
    await limits.hit("key_1", "write")
    with pytest.raises(RateLimited):
        await limits.count("key_1", "write")


async def test_a_plugin_has_buckets_of_its_own():
    limits = Limits(settings(), now=Clock(START + 50))
    for _ in range(5):
        await limits.count("company_92", "pages", per_minute=5)
    with pytest.raises(RateLimited) as refused:
        await limits.count("company_92", "pages", per_minute=5)
    assert (refused.value.headers["Retry-After"], refused.value.headers["x-ratelimit-limit"]) == ("10", "5")
    await limits.count("company_17", "pages", per_minute=5)


async def test_a_bucket_that_nobody_has_set_is_refused_by_name():
    with pytest.raises(ValueError, match="'pages' is not a bucket of the API"):
        await Limits(settings(), now=Clock()).count("key_1", "pages")


async def test_limits_that_are_off_allow_everything():
    limits = Limits(settings(enabled=False), now=Clock())
    assert [await limits.hit("key_1", "write") for _ in range(5)] == [None] * 5


def test_a_store_that_is_no_redis_is_refused_by_name():
    with pytest.raises(SettingsInvalid, match=r"limits\.storage_url"):
        Limits(settings(storage_url="memcached://x"))


@pytest.mark.slow
def test_without_the_client_for_redis_the_hub_does_not_start_and_says_what_to_install(tmp_path):
    start = "import sys; sys.modules['redis'] = None; from trunkline.cli import main; main()"
    environment = {"TRUNKLINE_DATABASE__URL": f"sqlite:///{tmp_path}/hub.db"}
    environment["TRUNKLINE_LIMITS__STORAGE_URL"] = "redis://127.0.0.1:1"
    command = [sys.executable, "-c", start, "serve", "--port", "0"]
    how = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 150}
    done = subprocess.run(command, env=environment, check=False, **how)
    assert done.returncode != 0
    assert done.stdout + done.stderr == (
        "Setting 'limits.storage_url': needs the client for Redis; install it with: pip install 'trunkline[redis]'\n"
    )


class RedisLike:
    """Speaks the part of the Redis protocol (RESP) that counting needs."""

    def __init__(self) -> None:
        self.counts: dict[bytes, int] = {}
        self.expiries: dict[bytes, int] = {}
        self.answers: list[bytes] = []
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                words = await self._command(reader)
                if self.silent:
                    continue
                writer.write(self._answer(words))
                await writer.drain()
        writer.close()

    async def _command(self, reader: asyncio.StreamReader) -> list[bytes]:
        count = int((await reader.readuntil(b"\r\n"))[1:])
        words: list[bytes] = []
        for _ in range(count):
            size = int((await reader.readuntil(b"\r\n"))[1:])
            words.append((await reader.readexactly(size + 2))[:-2])
        return words

    def _answer(self, words: list[bytes]) -> bytes:
        match words[0].upper():
            case b"HELLO":
                return b"%1\r\n+proto\r\n:3\r\n"
            case b"INCRBY":
                self.counts[words[1]] = self.counts.get(words[1], 0) + int(words[2])
                self.answers.append(b":%d\r\n" % self.counts[words[1]])
                return b"+QUEUED\r\n"
            case b"EXPIRE":
                self.expiries[words[1]] = int(words[2])
                self.answers.append(b":1\r\n")
                return b"+QUEUED\r\n"
            case b"EXEC":
                answers, self.answers = self.answers, []
                return b"*%d\r\n" % len(answers) + b"".join(answers)
            case _:
                return b"+OK\r\n"


@pytest.fixture
async def redis_like() -> AsyncIterator[tuple[RedisLike, str]]:
    store = RedisLike()
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0)
    async with server:
        yield store, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_processes_that_share_a_redis_share_the_count(redis_like):
    store, url = redis_like
    async with (
        Limits(settings(storage_url=url), now=Clock()) as one,
        Limits(settings(storage_url=url), now=Clock()) as other,
    ):
        await one.hit("key_1", "write")
        await other.hit("key_1", "write")
        with pytest.raises(RateLimited):
            await one.hit("key_1", "write")
    assert store.counts == {b"trunkline:write:key_1:%d" % MINUTE: 3}
    assert store.expiries == {b"trunkline:write:key_1:%d" % MINUTE: 120}


async def test_a_burst_waits_for_its_turn_at_redis(redis_like, caplog):
    store, url = redis_like
    async with Limits(settings(storage_url=url, read="500/minute"), now=Clock()) as limits:
        await asyncio.gather(*(limits.hit("key_1", "read") for _ in range(150)))
    assert list(store.counts.values()) == [150]
    assert not caplog.records


async def test_without_redis_each_process_counts_for_itself_and_says_so_once(caplog):
    async with Limits(settings(storage_url="redis://127.0.0.1:1"), now=Clock()) as limits:
        with caplog.at_level(logging.WARNING, logger="trunkline.access.shared_limits"):
            assert [await hit(limits, "key_1", "read") for _ in range(3)] == [2, 1, 0]
    assert len(caplog.records) == 1
    assert "this process counts for itself" in caplog.text


async def test_a_redis_that_goes_away_takes_no_count_with_it(redis_like):
    store, url = redis_like
    async with Limits(settings(storage_url=url), now=Clock()) as limits:
        await limits.hit("key_1", "read")
        store.silent = True
        assert await hit(limits, "key_1", "read") == 1


async def test_a_redis_that_hangs_delays_one_call_briefly(redis_like):
    store, url = redis_like
    store.silent = True
    async with Limits(settings(storage_url=url), now=Clock()) as limits:
        seconds = []
        for _ in range(2):
            began = time.monotonic()
            assert await limits.hit("key_1", "read") is not None
            seconds.append(time.monotonic() - began)
    assert seconds[1] < seconds[0] / 2, "only the first has waited"
    assert seconds[0] < 10
