"""The client programs in other languages, as in the docs, run against a real hub."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.example_product import EVENT_TYPES
from tests.keys import make_key
from tests.programs import inherited

from trunkline.model import cursors

EXAMPLES = Path(__file__).parents[2] / "docs/examples/clients"
COMMANDS = {"mjs": "node", "php": "php", "rb": "ruby"}
PACKAGES = {"mjs": "nodejs", "php": "php-cli", "rb": "ruby"}
COMPANIES = {language: 92 + number for number, language in enumerate(COMMANDS)}
PAYLOADS = {kind.name: kind.example for kind in EVENT_TYPES.values()}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("language", sorted(COMMANDS))]


def command_of(language: str) -> str:
    command = shutil.which(COMMANDS[language])
    if command is None and not os.environ.get("CI"):
        pytest.skip(
            f"there is no {COMMANDS[language]} here: Debian's package '{PACKAGES[language]}' brings it"
        )
    assert command, f"{COMMANDS[language]} is not installed"
    return command


class Hub:
    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = inherited() | {
            "TRUNKLINE_DATABASE__URL": f"sqlite:///{folder / 'trunkline.db'}",
            "TRUNKLINE_SERVER__PORT": "0",
            "TRUNKLINE_SERVER__DRAIN_SECONDS": "0",
            "TRUNKLINE_PLUGINS__ENABLED": "webhooks,polling",
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
        self.process.wait(60)

    def emit(self, key: str, type: str) -> str:
        """Emit an event; return the line that a follower prints about it."""
        event = {"type": type, "payload": PAYLOADS[type]}
        answer = httpx2.post(f"{self.url}/api/v1/events", json=event, headers={"X-Api-Key": key}, timeout=60)
        return f"{answer.raise_for_status().json()['id']} {type}"


def wait_for(file: Path, text: str, *, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while text not in (written := file.read_text()):
        assert time.monotonic() < deadline, written
        time.sleep(0.05)
    return written


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Start one hub for all languages; each language follows a separate company."""
    started = Hub(tmp_path_factory.mktemp("hub"))
    started.start()
    yield started
    started.stop()


@pytest.mark.timeout(150)
def test_a_follower_misses_nothing_and_goes_on_where_it_stopped(hub, language, tmp_path):
    key = make_key(hub.environment, COMPANIES[language], scopes=("events:read", "events:write"))
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

    first = hub.emit(key, "payment.failed")
    follower = follow()
    try:
        wait_for(output, first)
        second = hub.emit(key, "lead.created")
        wait_for(output, second)
        wait_for(tmp_path / "cursor.txt", cursors.encode(int(second.split()[0])))
        follower.send_signal(signal.SIGKILL)
        follower.wait()
        output.write_bytes(b"")

        third = hub.emit(key, "client.created")
        follower = follow()
        wait_for(output, third)
        hub.stop()  # it prints this, waits, and continues
        hub.start()
        fourth = hub.emit(key, "invoice.created")
        written = wait_for(output, fourth)
    finally:
        follower.kill()
        follower.wait()
    seen = [line for line in written.splitlines() if line[:1].isdigit() and " " in line]
    assert seen == [third, fourth]

    refused = follow("wlcro_live_92_wrong")
    assert refused.wait(60) != 0
