"""Shared parts of the plugins' suites: a hub in a separate process, and the platforms' tools from npm."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests import keys
from tests.plugins import npm, real_issuer
from tests.plugins.real_issuer import Issuer
from tests.programs import HUB, inherited, output_of

ROOT = Path(__file__).parents[2]
COMPANY_ID = 92
SCOPES = ("events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write", "admin")
_LISTENS = re.compile(r"listens on (http://\S+)")

InstallNodePackages = Callable[[Path], Path]


@pytest.fixture(scope="session")
def install_node_packages() -> InstallNodePackages:
    """Install the packages of a folder's lock; return the folder with ``node_modules``."""
    return npm.install


@pytest.fixture
def issuer(install_node_packages: InstallNodePackages) -> Iterator[Issuer]:
    started = Issuer(real_issuer.install(install_node_packages))
    yield started
    started.close()


@dataclass
class ServedHub:
    """``trunkline serve`` in a separate process, with a key of company 92 with all scopes."""

    folder: Path
    environment: Mapping[str, str]
    url: str = ""
    key: str = field(default="", repr=False)
    process: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> str:
        """Run a trunkline command on the hub's database; return its output."""
        whole = [sys.executable, "-P", "-m", "trunkline.cli", *command]
        return output_of(*whole, cwd=self.folder, env=self.environment, timeout=60).strip()

    def make_key(self, *scopes: str, company_id: int | None = COMPANY_ID, name: str = "test") -> str:
        """Make another key (None: an operator's), in a separate process if the hub has other packages than this process."""
        if self.environment.get("PYTHONPATH") != os.environ.get("PYTHONPATH"):
            owner = ("--operator",) if company_id is None else ("--company", str(company_id))
            flags = [flag for scope in scopes for flag in ("--scope", scope)]
            return self.run("keys", "create", *owner, "--name", name, *flags)
        return keys.make_key(self.environment, company_id, name=name, scopes=scopes)

    def start(self) -> None:
        """Start the hub; a restart keeps its port."""
        port = self.url.rpartition(":")[2] or "0"
        output = self.folder / "out.txt"
        output.write_bytes(b"")
        with output.open("wb") as out, (self.folder / "err.txt").open("ab") as err:
            whole = [sys.executable, "-P", "-m", "trunkline.cli", "serve", "--port", port]
            if self.environment.get("TRUNKLINE_SERVER__PUBLIC_URL", "").startswith("https:"):
                whole.append("--insecure-targets")
            self.process = subprocess.Popen(
                whole, cwd=self.folder, env=self.environment, stdout=out, stderr=err
            )
        deadline = time.monotonic() + 60
        while not (found := _LISTENS.search(output.read_text())):
            assert self.process.poll() is None, (self.folder / "err.txt").read_text()[-3000:]
            assert time.monotonic() < deadline, "the hub did not start within 30 s"
            time.sleep(0.05)
        self.url = found[1]

    def stop(self) -> None:
        """Stop the hub as an init system does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=self.url, headers={"X-Api-Key": self.key}, timeout=60) as client:
            yield client

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Call the API; return the JSON of its answer, or None if it is empty. Any status but 2xx fails the test."""
        with self.client() as client:
            answer = client.request(method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@contextlib.contextmanager
def _served(folder: Path, **changed: str) -> Iterator[ServedHub]:
    database = {"TRUNKLINE_DATABASE__URL": f"sqlite:///{folder / 'trunkline.db'}"}
    hub = ServedHub(folder, inherited(**HUB) | database | changed)
    hub.start()
    try:
        hub.key = hub.make_key(*SCOPES)
        yield hub
    finally:
        hub.stop()


@pytest.fixture(scope="module")
def served_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHub]:
    with _served(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def serve_hub(tmp_path: Path) -> Iterator[Callable[..., ServedHub]]:
    """Start a hub for one test, with environment variables over the usual ones."""
    with contextlib.ExitStack() as stack:
        yield lambda **changed: stack.enter_context(_served(tmp_path, **changed))
