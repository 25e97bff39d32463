"""The oldest versions of Python, SQLite and PostgreSQL with which trunkline runs; all other code reads them here.

This module, and the modules imported before it, can be loaded by an older Python too.
"""

import sys
from collections.abc import Sequence

PYTHON = (3, 11)
SQLITE = (3, 35, 2)
"""The oldest version with which the tests run (``make oldest``); the hub's statements need 3.35."""
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
