"""A file of outcomes, one line of JSON each with the digest of its code, so that a long run can be interrupted and resumed."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Self, TextIO

from matrix import Case, Outcome
from verdict import Figures, Verdict

ROOT = Path(__file__).parents[3]


class Journal:
    """Reads the outcomes of earlier runs of the same code, and adds new ones. Without a *file* it is empty and keeps nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._out: TextIO | None = None
        self._code = code()
        self.known: dict[tuple[Case, str], Outcome] = {}
        """The last outcome of each case and scale."""

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

    def note(self, outcome: Outcome) -> None:
        if self._out is not None:
            self._out.write(json.dumps({"code": self._code, **asdict(outcome)}) + "\n")
            self._out.flush()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            said = json.loads(line)
            if said["code"] != self._code:
                continue
            found = said["verdict"]
            phases = {name: Figures(**found.pop(name)) for name in ("quiet", "attacked", "after")}
            case = Case(**said["case"])
            verdict = Verdict(**phases, **found)
            self.known[case, said["scale"]] = Outcome(
                case, said["scale"], verdict, said["seconds"], said["behind"]
            )


def code() -> str:
    """Give the digest of every source of the hub, its plugins and this harness."""
    digest = hashlib.sha256()
    for folder in ("core", "plugins", "schemas", "tests/reliability/isolation"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
