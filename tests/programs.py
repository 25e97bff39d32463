"""Programs that a test runs to their end or starts beside itself."""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HUB = {
    "TRUNKLINE_AUTH__PEPPER": "p" * 32,
    "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
    "TRUNKLINE_LIMITS__ENABLED": "false",
    "TRUNKLINE_SERVER__DRAIN_SECONDS": "0",
    "TRUNKLINE_LOGGING__LEVEL": "warning",
    "TRUNKLINE_DELIVERY__ALLOW_HTTP": "true",
    "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
    "TRUNKLINE_DELIVERY__RETRY_SCHEDULE_SECONDS": "0.2,0.5,1,1,1",
}
"""The usual environment of a hub that a test starts beside itself, without its database."""


def inherited(*without: str, **more: str) -> dict[str, str]:
    """Return the environment without variables that begin with ``TRUNKLINE_`` or one of *without*, and with *more*."""
    dropped = ("TRUNKLINE_", *without)
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | more


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end, and keep what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def output_of(*command: str | Path, **options: Any) -> str:
    """Run *command* to its end; return what it prints. The test fails if the exit code is not 0."""
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    return done.stdout


def free_port() -> int:
    """Find a free port below the range for outgoing connections, which other tests use."""
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port: int, process: "subprocess.Popen[Any]", log: Path | None = None) -> None:
    """Wait until *process* listens on *port*; fail with its *log* if it ends."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            said = log.read_text() if log else ""
            assert process.poll() is None, said
            assert time.monotonic() < deadline, f"nothing listens on {port}\n{said}"
            time.sleep(0.02)
        else:
            return


@contextlib.contextmanager
def shop_program(*command: str | Path, secret: str) -> Iterator[str]:
    """Run a Python program that has the *secret* of a shop and prints its own address; give that URL."""
    with subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"SHOP_SECRET": secret},
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip().rpartition(" ")[2]
        finally:
            process.kill()


@contextlib.contextmanager
def redis_program(folder: Path) -> "Iterator[tuple[int, subprocess.Popen[bytes]]]":
    """Run a Redis server that keeps nothing on disk; give its port and its process. Skips if there is none."""
    program = shutil.which("redis-server")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "there is no redis-server here: Debian's package 'redis-server' brings it"
        )
    port, log = free_port(), folder / "redis.txt"
    with log.open("wb") as out:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        wait_for_port(port, process, log)
        yield port, process
    finally:
        process.kill()
        process.wait()
