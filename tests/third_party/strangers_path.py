"""Times the path of a new author: an empty folder, three commands, and a complete channel with its form in the portal.

``python tests/third_party/strangers_path.py`` prints the duration of each step. The commands are those of the tutorial.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorials/broker-channel.md"
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 60


def commands() -> list[str]:
    """Read the three commands from the tutorial."""
    section = TUTORIAL.read_text().partition("## Three commands\n")[2].partition("\n## ")[0]
    return [command.strip() for command in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


def environment(folder: Path) -> Mapping[str, str]:
    """Give the variables of a shell in which trunkline is installed, and pip installs without an index."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TRUNKLINE_", "PYTHON"))
    }
    site = folder / ".site"
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_TARGET": str(site)}
    return {**kept, **pip, "PYTHONPATH": str(site), "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}"}


def walk(folder: Path) -> Iterator[tuple[str, float, str]]:
    """Run the commands in *folder*; give each with its seconds and its output. Raises CalledProcessError."""
    for command in commands():
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=True,
        )
        yield command, time.monotonic() - began, done.stdout


def find_form(url: str, key: str) -> str:
    """Sign in to the portal at *url* with *key*; return the page with the form for a subscription of the channel."""
    with httpx2.Client(base_url=url, follow_redirects=True) as browser:
        token = re.search(r'name="csrf" value="([^"]*)"', browser.get("/portal/sign-in").text)
        sent = {"key": key, "next": "/portal", "csrf": token[1] if token else ""}
        browser.post("/portal/sign-in", data=sent).raise_for_status()
        return browser.get("/portal/subscriptions/new", params={"channel": "acme"}).raise_for_status().text


def serve_and_find_form(folder: Path) -> str:
    """Serve a hub in *folder*; return the page with the form."""
    with (folder / "dev.log").open("w") as log:
        serving = subprocess.Popen(
            [BIN / "trunkline", "dev", "--port", "0"],
            cwd=folder,
            env=environment(folder),
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not (at := re.search(r"http://127\.0\.0\.1:\d+", text := (folder / "dev.log").read_text())):
                if serving.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError(text)
                time.sleep(0.05)
            key = re.search(r"\S+_live_1_\S+", text)
            assert key is not None, text
            return find_form(at[0], key[0])
        finally:
            serving.terminate()
            serving.wait(PATIENCE_SECONDS)


def main() -> None:
    """Run the steps in an empty folder, and print their durations."""
    with tempfile.TemporaryDirectory(prefix="tl-path-") as name:
        folder, whole = Path(name), 0.0
        for command, seconds, output in walk(folder):
            whole += seconds
            print(f"{seconds:7.1f} s  {command}")
            for line in output.splitlines():
                if line.startswith("acme: "):
                    print(f"           {line}")
        fields = re.findall(r'name="target\.?_?(\w+)"', serve_and_find_form(folder))
        print(f"{whole:7.1f} s  in all; the form asks for {json.dumps(fields)}")


if __name__ == "__main__":
    main()
