"""A wrong name or field is an error of mypy: with the client's own types, and with the types that a hub exports."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests import programs

WRONG = Path(__file__).with_name("wrong_calls.py")
COMMENT = re.compile(r"  # type: ignore\[([\w-]+)\]")
RELEASED = {"TRUNKLINE_DATABASE__URL": "sqlite:///hub.db"}


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | RELEASED | {"MYPYPATH": str(cwd)}
    return programs.run(sys.executable, "-m", *command, cwd=cwd, env=environment)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_wrong_call_is_reported_where_it_is_made_and_nothing_else(tmp_path):
    done = run("trunkline", "export", "python", str(tmp_path), cwd=tmp_path)
    assert done.stdout.endswith("trunkline_hub.py\n"), done.stderr
    text = WRONG.read_text()
    (tmp_path / "calls.py").write_text(COMMENT.sub("", text))
    expected = Counter(
        (number, found[1])
        for number, line in enumerate(text.splitlines(), 1)
        if (found := COMMENT.search(line))
    )
    options = ("--strict", "--python-version", "3.10", "--no-error-summary")
    reported = run("mypy", *options, "calls.py", "trunkline_hub.py", cwd=tmp_path)
    found = re.findall(r"^(\S+?):(\d+): error: .*\[([\w-]+)\]$", reported.stdout, re.MULTILINE)
    assert {file for file, _, _ in found} == {"calls.py"}, reported.stdout
    assert {(int(number), code) for _, number, code in found} == set(expected), reported.stdout
    assert len(expected) > 20
