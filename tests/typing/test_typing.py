"""Mistakes in a plugin are reported at their lines. `make check` checks that the good samples have none."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests import programs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SAMPLES = sorted(file for file in HERE.glob("*.py") if file.name.startswith(("good_", "bad_")))
EXPECTED = re.compile(r"# type: ignore\[([\w\-, ]+)\]")

pytestmark = pytest.mark.timeout(300)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    return programs.run(sys.executable, "-m", *command, cwd=ROOT, env=environment)


def mypy(*files: Path) -> subprocess.CompletedProcess[str]:
    return run("mypy", "--strict", "--warn-unused-ignores", "--no-error-summary", *map(str, files))


@pytest.mark.slow
def test_each_mistake_is_reported_where_it_is_made_and_nothing_else(tmp_path):
    """Without the comments that suppress them, the expected errors are reported, line by line."""
    (source,) = [file for file in SAMPLES if file.name.startswith("bad_")]
    bare = tmp_path / "bare_plugin.py"
    bare.write_text(re.sub(r"  # (type|pyright): ignore\[[^\]]*\]", "", source.read_text()))
    expected = Counter(
        (number, code.strip())
        for number, line in enumerate(source.read_text().splitlines(), 1)
        if (found := EXPECTED.search(line))
        for code in found[1].split(",")
    )
    reported = re.findall(r"^\S+?:(\d+): error: .*\[([\w-]+)\]$", mypy(bare).stdout, re.MULTILINE)
    assert {(int(number), code) for number, code in reported} == set(expected)
    assert len(expected) > 20


@pytest.mark.slow
def test_pyright_reports_each_mistake_too(tmp_path):
    for file in SAMPLES:
        text = re.sub(r"  # (type|pyright): ignore\[[^\]]*\]", "", file.read_text())
        (tmp_path / file.name).write_text(text)
    settings = json.loads((HERE / "pyrightconfig.json").read_text())
    settings |= {"extraPaths": [str(ROOT / "core")], "venvPath": str(ROOT)}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = run("pyright", "--outputjson", "--project", str(tmp_path))
    found = json.loads(done.stdout)["generalDiagnostics"]
    (bad,) = [file for file in SAMPLES if file.name.startswith("bad_")]
    expected = {
        number for number, line in enumerate(bad.read_text().splitlines(), 1) if "# pyright: ignore" in line
    }
    assert {Path(one["file"]).name for one in found} == {bad.name}
    assert {one["range"]["start"]["line"] + 1 for one in found} == expected


@pytest.mark.parametrize(
    "file", [file for file in SAMPLES if file.name.startswith("good_")], ids=lambda f: f.stem
)
def test_what_type_checks_is_also_a_plugin_that_loads(file, tmp_path, monkeypatch):
    """A sample that no hub can load would prove nothing."""
    from trunkline.plugins import Candidate, admit
    from trunkline.settings import Plugins

    shutil.copy(file, tmp_path / f"acme_{file.name}")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = Candidate("acme", f"acme_{file.stem}", "acme", "1.0", "")
    (record,) = admit([found], chosen=Plugins(), version="0.1.0").records
    assert record.error is None
