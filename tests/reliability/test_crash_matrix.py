"""kill -9 at every fault point, on both databases: no accepted event is lost (``tests/reliability/crash``)."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests import programs

from trunkline_kit.fault_points import POINTS

ROOT = Path(__file__).parents[2]
SEEDS = 2
"""One seed for each database."""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_crash_at_any_point_loses_nothing(tmp_path):
    """Run the whole matrix in one test, so that it runs once, however many processes share the suite."""
    file = tmp_path / "outcomes.json"
    command = [sys.executable, ROOT / "tests/reliability/crash", "--seeds", str(SEEDS), "--json", file]
    done = programs.run(*command, cwd=ROOT)
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    outcomes = json.loads(file.read_text())
    assert Counter(outcome["case"]["point"] for outcome in outcomes) == dict.fromkeys(POINTS, SEEDS)
    assert [o["case"] for o in outcomes if o["verdict"]["faults"]] == []
    assert {o["case"]["point"] for o in outcomes if o["crashed"]} == set(POINTS), "never reached"
    assert done.returncode == 0


def test_each_point_is_passed_in_one_place_and_each_place_is_listed():
    sources = sorted((ROOT / "core" / "trunkline").rglob("*.py"))
    passed = [
        found.replace("{kind.name}", kind)
        for source in sources
        for found in re.findall(r'faults\.point\(\s*f?"([^"]+)"', source.read_text())
        for kind in (("retry", "pace") if "{kind.name}" in found else ("",))
    ]
    assert sorted(passed) == sorted(POINTS)


def test_the_page_counts_every_point_with_its_step():
    page = (ROOT / "docs" / "internals" / "reliability.md").read_text()
    counted = Counter(point.partition(".")[0] for point in POINTS)
    shown = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE))
    assert {step: int(points) for step, points in shown.items()} == counted
