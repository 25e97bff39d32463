"""kill -9 at every fault point, on both databases: no accepted event is lost (``tests/reliability/crash``)."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trunkline.faults import POINTS

ROOT = Path(__file__).parents[2]
SEEDS = 8


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[dict[str, Any]]]:
    """Every outcome of one run of the matrix, by point."""
    file = tmp_path_factory.mktemp("crash") / "outcomes.json"
    program = ROOT / "tests" / "reliability" / "crash"
    done = subprocess.run(
        [sys.executable, program, "--seeds", str(SEEDS), "--json", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    found: dict[str, list[dict[str, Any]]] = {point: [] for point in POINTS}
    for outcome in json.loads(file.read_text()):
        found[outcome["case"]["point"]].append(outcome)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_this_point_loses_nothing(outcomes, point):
    cases = outcomes[point]
    assert len(cases) == SEEDS
    assert [(o["case"], o["verdict"]["faults"]) for o in cases if o["verdict"]["faults"]] == []
    assert any(outcome["crashed"] for outcome in cases), "the point was never reached"


def test_each_point_is_passed_in_one_place_and_each_place_is_listed():
    sources = sorted((ROOT / "core" / "trunkline").rglob("*.py"))
    passed = [
        name for source in sources for name in re.findall(r'faults\.point\(\s*"([^"]+)"', source.read_text())
    ]
    assert sorted(passed) == sorted(POINTS)


def test_the_page_lists_every_point():
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert [point for point in POINTS if f"| `{point}` |" not in page] == []
