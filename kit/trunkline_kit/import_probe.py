"""Imports a plugin in a new process and prints its side effects: ``python -m trunkline_kit.import_probe MODULE``."""

import importlib
import locale
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import trunkline
from trunkline_kit.checks import fail
from trunkline_kit.watching import Watch

_LIMIT_SECONDS = 60


class Imported(msgspec.Struct, frozen=True):
    """The cost and side effects of an import: *effects* are pairs of kind and text, *changed* names the changed global state."""

    cpu_seconds: float
    idle_seconds: float
    effects: tuple[tuple[str, str], ...]
    threads: tuple[str, ...]
    changed: tuple[str, ...]


def run(module: str) -> Imported:
    """Import *module* in a new process with the import path of this process. Raises CheckFailed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "trunkline_kit.import_probe", module]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, env=environment, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        fail(
            f"importing {module} did not end within {_LIMIT_SECONDS} s; do nothing that waits while it is imported"
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        fail(f"{module} cannot be imported by itself: {last}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Imported)


def _main(module: str) -> None:
    for name in trunkline.__all__:  # the hub is imported before the measurement
        getattr(trunkline, name)
    watch = Watch()
    before = _process()
    cpu, wall = time.process_time(), time.monotonic()
    with watch.watching() as effects:
        importlib.import_module(module)
    cpu_seconds = time.process_time() - cpu
    idle_seconds = max(0.0, time.monotonic() - wall - cpu_seconds)
    after = _process()
    result = Imported(
        cpu_seconds,
        idle_seconds,
        effects=tuple((effect.kind, str(effect)) for effect in effects),
        threads=tuple(one.name for one in threading.enumerate() if one is not threading.main_thread()),
        changed=tuple(name for name, value in before.items() if after[name] != value),
    )
    print(msgspec.json.encode(result).decode())  # noqa: T201 - read by the process that asked


def _process() -> Mapping[str, Any]:
    """Read the process's global state, so that it can be compared before and after."""
    return {
        "os.environ": dict(os.environ),
        "the working directory": Path.cwd(),
        "the root logger's handlers": list(logging.getLogger().handlers),
        "the root logger's level": logging.getLogger().level,
        "the warnings' filters": list(warnings.filters),
        "sys.excepthook": sys.excepthook,
        "sys.stdout": sys.stdout,
        "sys.stderr": sys.stderr,
        "the recursion limit": sys.getrecursionlimit(),
        "the locale": locale.setlocale(locale.LC_ALL),
        "signal handlers": [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)],
    }


if __name__ == "__main__":
    _main(sys.argv[1])
