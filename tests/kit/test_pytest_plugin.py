"""The plugin for pytest, in separate runs of pytest: it loads late, reports, and works with any mode of asyncio."""

import json
import subprocess
import sys

import pytest
from tests import programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # each test starts processes

INI = "[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"


def pytest_in(folder, *options):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return programs.run(*command, cwd=folder)


@pytest.fixture
def run(tmp_path):
    """Run pytest on one module; return its output and the report that it wrote."""

    def run(source, *options, mode="strict"):
        (tmp_path / "pytest.ini").write_text(INI.format(mode=mode))
        (tmp_path / "test_it.py").write_text(source)
        report = tmp_path / "report.json"
        done = pytest_in(tmp_path, f"--trunkline-report={report}", *options)
        return done, json.loads(report.read_text())

    return run


SUITE = """
import pytest
from trunkline_kit import LOADS, COMPLETE, Suite, check, demand, not_applicable

class TestAcme(Suite):
    plugin = "acme"

    @check("plugin.one", level=LOADS)
    async def test_one(self):
        '''One.'''

    @check("plugin.two", level=COMPLETE)
    def test_two(self):
        '''Two.'''
        not_applicable("has no route")

    @check("plugin.three", level=COMPLETE)
    def test_three(self):
        '''Three.'''
        demand(False, "it does not; let it")

    @check("plugin.four", level=COMPLETE)
    @pytest.mark.skip(reason="too hard")
    def test_four(self):
        '''Four.'''
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_outcomes_levels_and_reasons_are_reported(run, mode):
    done, report = run(SUITE, mode=mode)

    acme = report["plugins"]["acme"]
    assert acme["level"] == "delivers"
    assert {entry["name"]: (entry["outcome"], entry["message"]) for entry in acme["checks"]} == {
        "plugin.one": ("passed", ""),
        "plugin.two": ("not_applicable", "has no route"),
        "plugin.three": ("failed", "it does not; let it"),
        "plugin.four": ("failed", "was skipped: too hard"),
    }
    assert "acme: delivers (1 passed, 2 failed, 1 not applicable)" in done.stdout
    assert "  - plugin.three: it does not; let it" in done.stdout


def test_workers_send_their_findings_to_whoever_controls_them(run):
    done, report = run(SUITE, "-n", "1")

    assert len(report["plugins"]["acme"]["checks"]) == 4
    assert "acme: delivers (1 passed, 2 failed, 1 not applicable)" in done.stdout


def test_a_fixture_can_be_had_without_importing_anything(run):
    source = """
import pytest

@pytest.mark.asyncio
async def test_it(trunkline_hub, trunkline_receiver, trunkline_clock):
    hub = await trunkline_hub(plugins=["polling"], clock=trunkline_clock)
    event = await hub.emit("client.created", hub.events("client.created", first_name="Zoe"))
    read = await hub.client.get(f"/api/v1/events/{event.event_id}")
    assert read.json()["payload"]["first_name"] == "Zoe"
"""
    done, report = run(source)

    assert done.returncode == 0, done.stdout
    assert report["plugins"] == {}


def test_a_run_that_has_nothing_to_do_with_trunkline_does_not_import_it(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'trunkline' not in sys.modules\n"
    )
    done = pytest_in(tmp_path, f"--rootdir={tmp_path}", "test_it.py")

    assert done.returncode == 0, done.stdout
    assert "conformance" not in done.stdout


@pytest.mark.parametrize(
    ("imported", "kept_out"),
    [
        ("trunkline, trunkline.api.app, trunkline_kit.receiver", "pytest"),
        ("trunkline_pytest", "trunkline"),
        ("trunkline_pytest", "sqlalchemy"),
    ],
)
def test_the_hub_and_the_entry_point_import_no_more_than_they_need(imported, kept_out):
    code = f"import sys, {imported}; assert {kept_out!r} not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
