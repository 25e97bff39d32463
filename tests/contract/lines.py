"""Counts the lines of each room that are not blank, and compares them with ``lines.txt``: ``python tests/contract/lines.py``.

A room is a folder or module of ``core/trunkline``, a plugin, or one of the other trees. If a room exceeds its budget, remove
code, or change its line of ``lines.txt`` in the same commit, and give the reason in the commit message.
"""

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUDGET = Path(__file__).with_name("lines.txt")
HOUSES = ("core/trunkline", "plugins")
"""Trees whose folders and modules are rooms; the others are one room each."""
TREES = (*HOUSES, "kit", "clients", "schemas", "benchmarks", "tests")


def count(root: Path = ROOT) -> Counter[str]:
    lines: Counter[str] = Counter()
    for tree in TREES:
        for file in (root / tree).rglob("*.py"):
            first = file.relative_to(root / tree).parts[0].removesuffix(".py")
            room = f"{tree}/{first}" if tree in HOUSES else tree
            lines[room] += sum(1 for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    return lines


def read_budget(text: str) -> dict[str, int]:
    return {room: int(most) for room, most in (line.split() for line in text.splitlines())}


def faults(counted: Counter[str], budget: dict[str, int]) -> list[str]:
    """Name the rooms that exceed their budget or have none, and budgets without a room."""
    return [
        f"{room}: {counted[room]:,} lines, and a budget of {budget.get(room, 0):,}; see {Path(__file__).name}"
        for room in sorted({*counted, *budget})
        if counted[room] > budget.get(room, 0) or room not in counted
    ]


def main() -> int:
    """Print each room with its lines and its budget; 1 if something is at fault."""
    counted, budget = count(), read_budget(BUDGET.read_text(encoding="utf-8"))
    for room, lines in sorted(counted.items()):
        print(f"{room:32}{lines:>8,}{budget.get(room, 0):>8,}")
    found = faults(counted, budget)
    sys.stderr.writelines(f"{each}\n" for each in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
