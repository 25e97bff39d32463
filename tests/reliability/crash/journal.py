"""A file of outcomes, so that a long run can be interrupted and resumed: one line of JSON each, with the digest of its code."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, TextIO

from matrix import Case, Outcome
from verdict import Verdict

ROOT = Path(__file__).parents[3]


class Journal:
    """Reads the outcomes of earlier runs of the same code, and adds new ones. Without a *file* it is empty and keeps nothing.

    A failed case stays failed for this code, so that a second try does not hide a rare fault.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._out: TextIO | None = None
        self._code = code()
        self.known: dict[Case, Outcome] = {}
        self.seconds = 0.0
        """Total seconds of the earlier runs."""

    def __enter__(self) -> Self:
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._out = self._file.open("a+")
            self._out.seek(0)
            self._read(line for line in self._out if line.endswith("\n"))
        return self

    def __exit__(self, *_: object) -> None:
        if self._out is not None:
            self._out.close()

    def note(self, outcome: Outcome, *, seconds: float) -> None:
        if self._out is not None:
            line = {"code": self._code, "run_seconds": seconds, **asdict(outcome)}
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()

    def _read(self, lines: Any) -> None:
        before = 0.0
        for line in lines:
            said = json.loads(line)
            if said["code"] != self._code:
                continue
            seconds = said["run_seconds"]
            self.seconds += seconds - before if seconds >= before else seconds
            before = seconds
            case = Case(**said["case"])
            self.known[case] = Outcome(case, said["crashed"], Verdict(**said["verdict"]), said["seconds"])


def code() -> str:
    """Give the digest of every source of the hub, its plugins and this harness."""
    digest = hashlib.sha256()
    for folder in ("core", "plugins", "schemas", "tests/reliability/crash"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
