"""Programs that a test runs to their end or starts beside itself."""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any


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
