"""``trunkline dev``: a plugin in one file is served as it is written, and again when it changes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from tests.programs import inherited
from typer.testing import CliRunner

from trunkline.cli import app

PLUGIN = """
from trunkline import Channel, Outcome, Result, hookimpl

async def deliver(push, http):
    return Result(Outcome.DELIVERED)

@hookimpl
def register_channels():
    return [Channel("pigeon", "TITLE", "Carries each event away.", deliver, schemes=("pigeon",))]
"""


def test_what_is_no_plugin_is_said_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["dev", "--plugin", "pigeon.py"])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "there is no file or folder pigeon.py" in done.stderr


@pytest.fixture
def serving(tmp_path):
    (tmp_path / "pigeon.py").write_text(PLUGIN)
    command = [
        sys.executable,
        *["-m", "trunkline.cli", "dev", "--reload", "--plugin", "pigeon.py", "--port", "0"],
    ]
    with (tmp_path / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=inherited(), stdout=output, stderr=output, start_new_session=True
        )
        yield tmp_path
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with pytest.raises(ProcessLookupError):  # its child processes have ended with it
        os.killpg(process.pid, 0)


def title_of(folder: Path, wanted: str) -> str:
    """Ask the running hub for the channel's title until it is *wanted*."""
    deadline = time.monotonic() + 120
    while True:
        text = (folder / "output.txt").read_text()
        key, addresses = re.search(r"wlcro_live_1_\S+", text), re.findall(r"http://127\.0\.0\.1:\d+", text)
        try:
            answer = httpx2.get(f"{addresses[-1]}/api/v1/channels", headers={"X-Api-Key": key[0]})
            titles = {channel["name"]: channel["title"] for channel in answer.json()["channels"]}
            if titles.get("pigeon") == wanted:
                return wanted
        except (httpx2.HTTPError, IndexError, TypeError):
            pass
        assert time.monotonic() < deadline, text
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_file_is_served_and_served_anew_when_it_changes_even_after_it_was_broken(serving):
    file = serving / "pigeon.py"
    file.write_text(PLUGIN)
    assert title_of(serving, "TITLE")
    file.write_text("this is no Python")
    time.sleep(1)
    file.write_text(PLUGIN.replace("TITLE", "Carrier pigeons"))
    assert title_of(serving, "Carrier pigeons")
    assert (serving / "trunkline-dev.db").is_file()
