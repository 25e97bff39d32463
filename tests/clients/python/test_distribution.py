"""The client as a separate distribution: its dependencies, its size, and its loading time."""

import os
import resource
import sys
import venv
from pathlib import Path

import pytest
from tests.programs import output_of

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).with_name("uv")
INSTALLED = {
    "anyio",
    "h11",
    "httpcore2",
    "httpx2",
    "idna",
    "trunkline-client",
    "truststore",
    "typing-extensions",
}
MOST_BYTES = 5_000_000
"""Limit of the size of everything installed, before Python has compiled it."""
MOST_IMPORT_SECONDS = 0.15

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return output_of(*command, cwd=cwd, env=environment)


def cpu_seconds(*command: str | Path, cwd: Path) -> float:
    """Give the CPU seconds of *command*: the lowest of five runs."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*command, cwd=cwd)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def test_it_installs_little_and_is_loaded_soon(tmp_path):
    build = (UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable)
    run(*build, "--out-dir", tmp_path, ROOT / "clients/python", cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "environment")
    python = tmp_path / "environment/bin/python"
    install = (UV, "pip", "install", "--quiet", "--python", python)
    run(*install, "--constraint", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    names = run(UV, "pip", "list", "--python", python, "--format", "freeze", cwd=tmp_path).split()
    assert {name.partition("==")[0] for name in names} <= INSTALLED
    (packages,) = (tmp_path / "environment").glob("lib/python*/site-packages")
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())
    assert size < MOST_BYTES
    assert run(tmp_path / "environment/bin/trunkline-listen", "--version", cwd=tmp_path)
    loaded = "import sys, trunkline_client; sys.exit('httpx2' in sys.modules)"
    nothing = cpu_seconds(python, "-c", "pass", cwd=tmp_path)
    receiver = cpu_seconds(python, "-c", loaded, cwd=tmp_path) - nothing
    whole = cpu_seconds(python, "-c", "from trunkline_client import Client", cwd=tmp_path)
    assert receiver < MOST_IMPORT_SECONDS
    assert whole < 2 * MOST_IMPORT_SECONDS
    print(f"{size=:,} {receiver=:.3f} s, with the HTTP client and Python itself {whole=:.3f} s")


def test_its_version_is_the_hubs():
    import trunkline
    import trunkline_client

    assert trunkline_client.__version__ == trunkline.__version__


def test_it_reads_as_its_oldest_python():
    """Check by a type checker, because not every machine has the oldest Python."""
    options = ("--strict", "--no-error-summary", "--python-version", "3.10")
    run(sys.executable, "-m", "mypy", *options, ROOT / "clients/python/src/trunkline_client", cwd=ROOT)
