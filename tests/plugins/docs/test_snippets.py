"""The verification code on the pages, run in its own language against requests that the hub's signer signed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trunkline import Signer
from trunkline_docs.generator import generate
from trunkline_docs.pages import snippets

from .html import read
from .products import SHOP

SECRET, OLD_SECRET = "whsec_" + "A" * 32, "whsec_" + "B" * 32
BODY = '{"id":7,"type":"payment.failed","payload":{"failure_reason":"Zürich ✓","amount":99.00}}'.encode()
DRIVERS = {
    "python": """
import json, pathlib
from verify import verify
secret, headers = json.loads(pathlib.Path("in.json").read_text())
print(verify(secret, headers, pathlib.Path("body").read_bytes())["id"])
""",
    "javascript": """
import { verify } from "./verify.js";
import { readFileSync } from "node:fs";
const [secret, headers] = JSON.parse(readFileSync("in.json"));
console.log(verify(secret, headers, readFileSync("body")).id);
""",
    "php": """<?php
require "verify.php";
[$secret, $headers] = json_decode(file_get_contents("in.json"), true);
echo verify($secret, $headers, file_get_contents("body"))["id"], "\\n";
""",
    "ruby": """
require "./verify.rb"
secret, headers = JSON.parse(File.read("in.json"))
puts verify(secret, headers, File.binread("body"))["id"]
""",
}
COMMANDS = {"python": sys.executable, "javascript": "node", "php": "php", "ruby": "ruby"}
PACKAGES = {"javascript": "nodejs", "php": "php-cli", "ruby": "ruby"}
SNIPPETS = {snippet.language: snippet for snippet in snippets()}


def test_there_is_code_in_four_languages_on_the_pages_as_it_is_in_its_file():
    assert sorted(SNIPPETS) == sorted(DRIVERS)
    files = generate(SHOP)
    for path in ("verify.html", "order.placed.html"):
        text = read(files[path]).text
        assert all(snippet.text in text for snippet in SNIPPETS.values())
    for snippet in SNIPPETS.values():
        assert snippet.text.rstrip().encode() in files["verify.html.md"]


def command_of(language: str) -> str:
    command = shutil.which(COMMANDS[language])
    if command is None and not os.environ.get("CI"):
        pytest.skip(
            f"there is no {COMMANDS[language]} here: Debian's package '{PACKAGES[language]}' brings it"
        )
    assert command, f"{COMMANDS[language]} is not installed"
    return command


def verified(language: str, folder: Path, headers: dict[str, str], body: bytes = BODY, secret: str = SECRET):
    (folder / "in.json").write_text(json.dumps([secret, headers]))
    (folder / "body").write_bytes(body)
    (folder / "package.json").write_text('{"type": "module"}')
    snippet = SNIPPETS[language]
    (folder / snippet.file).write_text(snippet.text)
    driver = folder / f"driver.{snippet.file.partition('.')[2]}"
    driver.write_text(DRIVERS[language])
    return subprocess.run(
        [command_of(language), driver.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def signed(*secrets: str, seconds_ago: int = 0) -> dict[str, str]:
    timestamp = int(time.time()) - seconds_ago
    return Signer("standard", secrets=secrets or (SECRET,)).headers("7", timestamp=timestamp, body=BODY)


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(DRIVERS))
class TestCode:
    def test_a_genuine_request_is_read(self, language: str, tmp_path: Path):
        done = verified(language, tmp_path, signed())
        assert (done.stdout, done.stderr) == ("7\n", "")

    def test_with_two_secrets_alive_either_is_enough(self, language: str, tmp_path: Path):
        headers = signed(SECRET, OLD_SECRET)
        assert headers["webhook-signature"].count("v1,") == 2
        for secret in (SECRET, OLD_SECRET):
            done = verified(language, tmp_path, headers, secret=secret)
            assert (done.stdout, done.stderr) == ("7\n", "")

    def test_what_was_tampered_with_is_refused(self, language: str, tmp_path: Path):
        assert "not signed" in _said(verified(language, tmp_path, signed(), BODY.replace(b"99", b"98")))
        assert "not signed" in _said(verified(language, tmp_path, signed() | {"webhook-id": "8"}))
        assert "not signed" in _said(
            verified(language, tmp_path, signed() | {"webhook-signature": "v1,AAAA é"})
        )
        assert "not signed" in _said(verified(language, tmp_path, signed(OLD_SECRET)))
        unsigned = {name: value for name, value in signed().items() if name != "webhook-signature"}
        assert "not signed" in _said(verified(language, tmp_path, unsigned))

    def test_what_is_old_or_of_the_future_is_refused(self, language: str, tmp_path: Path):
        for headers in (
            signed(seconds_ago=400),
            signed(seconds_ago=-400),
            signed() | {"webhook-timestamp": "soon"},
            signed() | {"webhook-timestamp": "9" * 400},
            {},
        ):
            assert "too old" in _said(verified(language, tmp_path, headers))


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr
