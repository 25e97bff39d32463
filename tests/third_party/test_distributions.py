"""Third-party plugins: each is installed beside trunkline's wheel into a fresh environment, and tested and judged there.

Their own dependencies come from the package index; trunkline's dependencies have the versions of ``constraints.txt``.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import spared
from tests.some import some

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
UV = Path(sys.executable).with_name("uv")
PLUGINS = {
    "chat": "chat_room",
    "broker": "nats",
    "email": "email",
    "redis": "redis",
    "mqtt": "mqtt",
    "postgres": "postgres",
}
MODULES = {folder: f"trunkline_{plugin}" for folder, plugin in PLUGINS.items()}
DECLARING = ("chat", "redis", "mqtt", "postgres")
"""Plugins that declare their targets, and so have neither routes nor settings."""
NEEDED = {"email.host": "smtp.example.com", "email.sender": "events@example.com"}
AT_ONCE = 2
"""Number of suites that run side by side: a suite mostly waits for time limits."""
MOST_LINES = 150
MOST_LINES_IN_ALL = 120

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass(frozen=True, slots=True)
class Environment:
    """A separate virtual environment, without any path from this process to the checkout."""

    folder: Path

    def run(self, *command: str | Path, cwd: Path, **variables: str) -> str:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("TRUNKLINE_", "PYTHON"))
        }
        path = os.pathsep.join([str(self.folder / "bin"), kept.get("PATH", ""), "/usr/sbin"])
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**kept, "PATH": path, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
        return done.stdout

    def pip(self, command: str, *arguments: str | Path) -> None:
        """Run the command *command* of pip."""
        self.run(
            UV, "pip", command, "--quiet", "--python", self.folder / "bin/python", *arguments, cwd=self.folder
        )


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """Make a fresh environment with trunkline's wheel, the distributions, and the dependencies of their tests.

    It is not in pytest's own folder, which other users cannot read: PostgreSQL runs as another user if this one is root.
    """
    with tempfile.TemporaryDirectory(prefix="tl-strangers-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield _install_all(folder)


def _install_all(folder: Path) -> Environment:
    made = Environment(folder / "environment")
    build = (sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder / "dist")
    for source in (ROOT, ROOT / "kit", *(_copy(HERE / name, folder / "sources" / name) for name in PLUGINS)):
        made.run(*build, source, cwd=folder)
    made.run(UV, "venv", "--quiet", "--python", sys.executable, made.folder, cwd=folder)
    wheels = {wheel.name.partition("-")[0]: wheel for wheel in (folder / "dist").glob("*.whl")}
    own = [wheels.pop("trunkline"), wheels.pop("trunkline_kit")]
    packages = [*own, *(f"{wheel}[test]" for wheel in wheels.values())]
    made.pip("install", "--constraint", ROOT / "constraints.txt", *packages)
    return made


@pytest.fixture(scope="module")
def suites(
    environment: Environment, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Any]]]:
    """Give the report on each plugin as a future that ends with its tests; the first one starts all that are selected."""
    tests = [test for test in request.session.items if "suites" in getattr(test, "fixturenames", ())]
    names = {test.callspec.params["name"]: tmp_path_factory.mktemp("suite") for test in tests}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(_run_suite, environment, name, place) for name, place in names.items()}
        pool.shutdown(cancel_futures=True)


def _run_suite(environment: Environment, name: str, place: Path) -> Any:
    folder, report = _copy(HERE / name, place / name), place / "report.json"
    shutil.rmtree(folder / MODULES[name])  # the installed one is tested
    temporary = ("--basetemp", place / "temporary")
    shutil.copy(spared.__file__, place)
    plugins = {"PYTHONPATH": str(place), "PYTEST_PLUGINS": "spared"}
    reported = (*temporary, "--trunkline-report", report)
    environment.run(environment.folder / "bin/pytest", "-q", *reported, cwd=folder, **plugins)
    return json.loads(report.read_text())["plugins"][PLUGINS[name]]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_strangers_plugin_passes_its_tests_and_is_complete(suites, name):
    judged = suites[name].result()
    assert (judged["level"], judged["missing"]) == ("complete", [])
    outcomes = {check["name"]: check["outcome"] for check in judged["checks"]}
    assert outcomes["channel.delivers-an-event"] == outcomes["plugin.runs-alone"] == "passed"


def test_all_of_them_run_beside_the_built_in_plugins(environment, tmp_path):
    variables = {f"TRUNKLINE_{key.replace('.', '__').upper()}": value for key, value in NEEDED.items()}
    listed = environment.run(environment.folder / "bin/trunkline", "plugins", cwd=tmp_path, **variables)
    states = {line.split("\t")[0]: line.split("\t")[3] for line in listed.splitlines()[1:]}
    assert {"webhooks", "polling", *PLUGINS.values()} <= set(states)
    idle = {name: state for name, state in states.items() if state != "active"}
    assert idle == {"mcp": "disabled"}, "its extra is not installed"


def test_a_distribution_that_is_uninstalled_leaves_nothing_in_the_hub(environment, tmp_path):
    site = environment.folder.with_name("without-nats")
    shutil.copytree(environment.folder, site, symlinks=True, copy_function=os.link)
    other = Environment(site)
    other.pip("uninstall", "trunkline-nats")
    listed = other.run(site / "bin/python", "-m", "trunkline.cli", "plugins", cwd=tmp_path)
    assert "\nchat_room\t" in listed
    assert "\nnats\t" not in listed


def test_strangers_plugins_are_typed_in_the_eyes_of_a_strict_checker(environment, tmp_path):
    options = ("--config-file=", "--strict", "--cache-dir", tmp_path, "--python-executable")
    folders = [HERE / name / module for name, module in MODULES.items()]
    environment.run(
        sys.executable, "-m", "mypy", *options, environment.folder / "bin/python", *folders, cwd=HERE
    )


@pytest.mark.parametrize("name", PLUGINS)
def test_a_strangers_plugin_is_small(name):
    for module in some((HERE / name / MODULES[name]).glob("*.py")):
        assert len(module.read_text().splitlines()) < MOST_LINES, module


@pytest.mark.parametrize("name", DECLARING)
def test_a_channel_that_declares_its_target_is_small_in_all(name):
    modules = (HERE / name / MODULES[name]).glob("*.py")
    assert sum(len(module.read_text().splitlines()) for module in modules) < MOST_LINES_IN_ALL


def _copy(source: Path, target: Path) -> Path:
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", ".pytest_cache", "build", "dist")
    shutil.copytree(source, target, ignore=left_out)
    return target
