"""A user's installation, on each Python that is promised and that this machine has: the wheel, its dependencies, the demo."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PROMISED = ("3.11", "3.12", "3.13", "3.14")
"""Each in an environment of its own, that of the tests too: these run on an editable install with more in it."""
MOST_MEBIBYTES = 120
"""Of a default install, before Python has compiled it."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ResourceWarning" not in done.stderr, done.stderr
    return done.stdout


def find(version: str) -> Path:
    """Give an interpreter of *version*; skips the test where there is none."""
    named = shutil.which(f"python{version}")
    kept = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for candidate in [*([named] if named else []), *sorted(kept)]:
        command = [candidate, "-c", "import ssl, sqlite3"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    pytest.skip(f"this machine has no Python {version}")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.parametrize("version", PROMISED)
def test_the_wheel_installs_and_every_event_of_the_demo_arrives(wheel: Path, version: str, tmp_path: Path):
    python = find(version)
    run(UV, "venv", "--quiet", "--python", python, "venv", cwd=tmp_path)
    own = tmp_path / "venv/bin"
    run(UV, "pip", "install", "--quiet", "--python", own / "python", "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)  # fmt: skip

    files = [file for file in (tmp_path / "venv").rglob("*") if file.is_file() and not file.is_symlink()]
    size = sum(file.stat().st_size for file in files if file.suffix != ".pyc") / 2**20
    assert size < MOST_MEBIBYTES, f"a default install is {size:.0f} MiB"

    said = run(own / "trunkline", "demo", "--exit", "--json", cwd=tmp_path, PYTHONWARNINGS="always")

    summary = json.loads(said)
    assert summary["ok"], summary
    assert summary["verified"] == summary["same_bytes"] == 10, summary
    assert run(own / "python", "--version", cwd=tmp_path).startswith(f"Python {version}.")
