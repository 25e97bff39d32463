"""Attacks by one company, or by somebody without a key: another company notices nothing (``tests/reliability/isolation``)."""

import json
import re
import sys
from pathlib import Path

import pytest
from tests import programs

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, ROOT / "tests/reliability/isolation"]
LEAST_ROWS = 30


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_attack_is_noticed_by_another_company(tmp_path):
    """Run all rows in one test, one after the other and beside nothing else, because it measures times."""
    file = tmp_path / "outcomes.json"
    done = programs.run(*PROGRAM, "--part", "--json", file, cwd=ROOT)
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    outcomes = json.loads(file.read_text())
    assert {outcome["case"]["engine"] for outcome in outcomes} == {"sqlite", "postgresql"}
    for outcome in outcomes:
        assert outcome["verdict"]["quiet"]["count"] > 0, "the victim did nothing before the attack"
        assert outcome["verdict"]["attacked"]["count"] > 0, "the victim did nothing under the attack"
    assert {o["case"]["row"]: o["verdict"]["faults"] for o in outcomes if o["verdict"]["faults"]} == {}
    assert done.returncode == 0


@pytest.mark.slow
def test_every_row_says_what_it_does():
    listed = programs.output_of(*PROGRAM, "--list", cwd=ROOT)
    rows = [re.fullmatch(r"(\S+)\s+(.+)\.", line) for line in listed.splitlines()]
    assert None not in rows
    names = [row[1] for row in rows]
    assert len(names) == len(set(names)) >= LEAST_ROWS
