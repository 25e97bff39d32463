"""kill -9 of product, relay, hub and database around an outbox (``tests/reliability/outbox``)."""

import sys
from pathlib import Path

import pytest
from tests import programs
from tests.reliability.outbox.__main__ import VICTIMS

ROOT = Path(__file__).parents[2]
CASES = 24
"""Number of cases, of the thousand that ``python tests/reliability/outbox`` runs."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_twice_in_the_log_whatever_is_killed():
    command = [sys.executable, "tests/reliability/outbox", "--cases", str(CASES)]
    done = programs.run(*command, cwd=ROOT)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "0 faults" in done.stdout
    assert [victim for victim in VICTIMS if f"'{victim}': " not in done.stdout] == []
