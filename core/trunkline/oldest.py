"""The oldest Python, SQLite and PostgreSQL that trunkline runs on. Nothing else says these numbers by itself.

This module, and what is imported before it, loads on an older Python too.
"""

import sys
from collections.abc import Sequence

PYTHON = (3, 11)
SQLITE = (3, 35, 2)
"""The oldest that the tests run with (``make oldest``); its statements are those of 3.35."""
POSTGRESQL = 15


def version(numbers: Sequence[int]) -> str:
    """Write a version: ``3.35.2``."""
    return ".".join(map(str, numbers))


def require_python(running: Sequence[int]) -> None:
    """Exit with 2 and a sentence on standard error if *running*, the first numbers of ``sys.version_info``, is too old."""
    if tuple(running) < PYTHON:
        sys.stderr.write(
            f"This is Python {version(running)}, and trunkline needs {version(PYTHON)} or newer: "
            "make its virtual environment with a newer Python.\n"
        )
        raise SystemExit(2)
