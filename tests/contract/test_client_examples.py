"""The client programs in other languages, as the docs show them, run against a real hub."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trunkline.model import cursors

EXAMPLES = Path(__file__).parents[2] / "docs/examples/clients"
COMMANDS = {"mjs": "node", "php": "php", "rb": "ruby"}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("language", sorted(COMMANDS))]


def command_of(language: str) -> str:
    command = shutil.which(COMMANDS[language])
    if command is None and not os.environ.get("CI"):
        pytest.skip(f"{COMMANDS[language]} is not installed")
    assert command, f"{COMMANDS[language]} is not installed"
    return command


class Hub:
    def __init__(self, folder: Path):
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
        self.environment = inherited | {
            "TRUNKLINE_SERVER__PORT": "0",
            "TRUNKLINE_AUTH__PEPPER": "p" * 32,
            "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
        }
        self.url = ""

    def start(self) -> None:
        if self.url:
            self.environment["TRUNKLINE_SERVER__PORT"] = self.url.rpartition(":")[2]
        output = self.folder / "hub.txt"
        with output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "trunkline.cli", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.url = wait_for(output, "listens on ").split("listens on ")[1].split()[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-P", "-m", "trunkline.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()


def wait_for(file: Path, text: str, *, seconds: float = 30) -> str:
    deadline = time.monotonic() + seconds
    while text not in (written := file.read_text()):
        assert time.monotonic() < deadline, written
        time.sleep(0.05)
    return written


@pytest.mark.timeout(150)
def test_a_follower_misses_nothing_and_goes_on_where_it_stopped(language: str, tmp_path: Path):
    (tmp_path / "hub").mkdir()
    hub = Hub(tmp_path / "hub")
    hub.start()
    try:
        key = hub.run("keys", "create", "--company", "92", "--name", "follower", "--scope", "events:read")
        output = tmp_path / "output.txt"

        def follow(with_key: str = key) -> subprocess.Popen[bytes]:
            with output.open("ab") as out:
                return subprocess.Popen(
                    [command_of(language), EXAMPLES / f"follow.{language}"],
                    cwd=tmp_path,
                    env=os.environ | {"HUB_URL": hub.url, "HUB_KEY": with_key},
                    stdout=out,
                    stderr=out,
                )

        def emit(type: str) -> str:
            envelope = hub.run("events", "emit", type, "--company", "92")
            return f"{json.loads(envelope)['id']} {type}"

        first = emit("payment.failed")
        follower = follow()
        wait_for(output, first)
        second = emit("lead.created")
        wait_for(output, second)
        wait_for(tmp_path / "cursor.txt", cursors.encode(int(second.split()[0])))
        follower.send_signal(signal.SIGKILL)
        follower.wait()
        output.write_bytes(b"")

        third = emit("client.created")
        follower = follow()
        wait_for(output, third)
        hub.stop()  # it says so, waits, and goes on
        hub.start()
        fourth = emit("invoice.created")
        written = wait_for(output, fourth, seconds=40)
        follower.kill()
        follower.wait()
        seen = [line for line in written.splitlines() if line[:1].isdigit() and " " in line]
        assert seen == [third, fourth]

        refused = follow("wlcro_live_92_wrong")
        assert refused.wait(20) != 0
    finally:
        hub.stop()
