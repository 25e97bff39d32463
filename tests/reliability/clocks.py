"""Wall clocks that tests set by libfaketime (Debian: ``faketime``); monotonic clocks stay true."""

import os
from pathlib import Path

import pytest

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
NEEDS_FAKETIME = pytest.mark.skipif(
    LIBRARY is None and "CI" not in os.environ,
    reason="there is no faketime here: Debian's package 'faketime' brings it",
)


class Clock:
    """The wall clock of processes that are started with *environment*; it can be set while they run."""

    def __init__(self, folder: Path):
        self._file = folder / "clock"
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # otherwise Python's waits for locks end at once, and the process spins
        }

    def set(self, offset: str) -> None:
        """Set the clock *offset* away from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(offset)
        fresh.replace(self._file)  # a concurrent reader finds the old or the new value
