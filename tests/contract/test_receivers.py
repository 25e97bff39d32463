"""The receivers on our pages refuse every forged request with a 4xx, and no request makes one raise or end.

Their code is taken from the pages and run unchanged.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import programs
from tests.contract.test_docs import DOCS, ROOT, SCHEMES, blocks, blocks_of, program
from tests.programs import free_port

from trunkline.client import NotGenuine, verify_webhook
from trunkline.targets.signatures import Signer, new_secret, public_key

SECRET, OTHER = new_secret("standard"), new_secret("standard")
EVENT = {"id": 7, "type": "payment.failed", "createdUtc": "2026-01-28T10:30:00Z", "companyId": 92}
CALL = {"principal": {"company_id": 92, "environment": "live"}, "idempotency_key": "k", "input": {}}
BODY = json.dumps(EVENT | CALL | {"payload": {"amount": "99.00 Zürich"}}, separators=(",", ":")).encode()
JUNK = (
    "junk",
    "v1,%%%",
    "v1,A",
    "v1",
    ",",
    "v1a,A",
    "t=1,v1=x",
    "\u00ff",
    "v1,\u00ff\u00e9",
    "v1," + "A" * 9000,
    "=",
    "",
)
TIMES = ("soon", "", "9" * 400, "-1", "1e400", "nan", "\u00b2", "0x10")
"""Values that may replace a signature or a time."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A request to a receiver, and whether it is genuine."""

    name: str
    headers: Mapping[str, str]
    body: bytes = BODY
    is_genuine: bool = False


def signed(
    scheme: str, *secrets: str, seconds_ago: int = 0, body: bytes = BODY, id: str = "7"
) -> dict[str, str]:
    signer = Signer(scheme, secrets=secrets)
    headers = signer.headers(id, timestamp=int(time.time()) - seconds_ago, body=body)
    return {name.lower(): value for name, value in headers.items()}


def trials(scheme: str, secret: str, other: str) -> Iterator[Trial]:
    """Make the requests with which a receiver with *secret* is tested."""
    good = signed(scheme, secret)
    [name] = [name for name in good if "signature" in name]
    yield Trial("a genuine one", good, is_genuine=True)
    if scheme != "github":
        yield Trial("two secrets, the other first", signed(scheme, other, secret), is_genuine=True)
        yield Trial("two secrets, the other last", signed(scheme, secret, other), is_genuine=True)
    yield Trial("nothing", {})
    yield Trial("no signature", {key: value for key, value in good.items() if key != name})
    yield Trial("another key", signed(scheme, other))
    yield Trial("a body written anew", good, json.dumps(json.loads(BODY), indent=1).encode())
    yield Trial("a body that is no text", good, b"\xff\xfe" + BODY)
    yield Trial("no body", good, b"")
    for junk in JUNK:
        yield Trial(f"the signature {junk[:20]!r}", good | {name: junk})
        yield Trial(f"the signature {junk[:20]!r} and no text", good | {name: junk}, b"\xff\xfe")
    if scheme == "github":
        return
    for seconds in (600, -600, 10**8, -(10**8)):
        yield Trial(f"a time {seconds} s behind", signed(scheme, secret, seconds_ago=seconds))
    for text in TIMES:
        changed = {name: f"t={text},v1=00"} if scheme == "stripe" else {"webhook-timestamp": text}
        yield Trial(f"the time {text[:20]!r}", good | changed)


def of_readme(secret: str, headers: Mapping[str, str], body: bytes) -> Any:
    (text,) = [block.text for block in blocks_of(ROOT / "README.md") if block.note == "verify"]
    return program(text)["verify"](secret, headers, body)


def of_client(secret: str, headers: Mapping[str, str], body: bytes) -> Any:
    return verify_webhook(body, headers, secret=secret)


def of_documentation(secret: str, headers: Mapping[str, str], body: bytes) -> Any:
    text = (ROOT / "plugins/docs/trunkline_docs/snippets/verify.py").read_text()
    return program(text)["verify"](secret, headers, body)


FUNCTIONS = [
    *((f"{note}-{index}", note, program(text)["verify"]) for index, (note, text) in enumerate(SCHEMES)),
    ("readme", "standard", of_readme),
    ("client", "standard", of_client),
    ("documentation", "standard", of_documentation),
]


@pytest.mark.parametrize(
    ("scheme", "verify"), [given[1:] for given in FUNCTIONS], ids=[given[0] for given in FUNCTIONS]
)
def test_each_function_returns_what_is_genuine_and_raises_one_error_for_all_else(scheme, verify):
    secret, other = (new_secret(scheme) for _ in range(2))
    known = public_key(secret) if scheme == "ed25519" else secret
    refusal = NotGenuine if verify is of_client else ValueError
    for trial in trials(scheme, secret, other):
        try:
            verify(known, dict(trial.headers), trial.body)
        except refusal:
            assert not trial.is_genuine, trial.name
        except Exception as error:
            pytest.fail(f"{trial.name}: {error!r}")
        else:
            assert trial.is_genuine, trial.name


ZAPIER = """
const { isSigned } = require(process.argv[1]);
const [secret, trials] = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(trials.map(([headers, content]) => isSigned(secret, { headers, content }))));
"""


def test_the_function_of_the_zapier_app_tells_what_is_signed_and_never_throws():
    """The time is checked elsewhere, because Zapier may hold a delivery for hours."""
    tried = [trial for trial in trials("standard", SECRET, OTHER) if "time" not in trial.name]
    given = [(dict(trial.headers), trial.body.decode(errors="replace")) for trial in tried]
    script = ROOT / "plugins/zapier/trunkline_zapier/app/lib/signatures.js"
    done = programs.run(node(), "-e", ZAPIER, script, input=json.dumps([SECRET, given]))
    assert done.stderr == ""
    assert json.loads(done.stdout) == [trial.is_genuine for trial in tried]


def node() -> str:
    command = shutil.which("node")
    if command is None and not os.environ.get("CI"):
        pytest.skip("there is no node here: Debian's package 'nodejs' brings it")
    assert command, "node is not installed"
    return command


PROGRAMS = {
    "first-delivery": lambda: blocks("tutorials/first-delivery.md", "python", "receiver.py")[0],
    "own-product": lambda: blocks("tutorials/own-product.md", "python", "receiver.py")[0],
    "put-your-own-product": lambda: blocks("how-to/put-your-own-product-behind-it.md", "python", "shop.py")[
        0
    ],
    "the shop": (DOCS / "examples/shop/shop.py").read_text,
    "in Node.js": lambda: blocks("how-to/verify-webhooks.md", "js", "receiver.mjs")[0],
}


@contextlib.contextmanager
def running(name: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Run a program of a page; give its port, and the file with its errors."""
    port, text = free_port(), PROGRAMS[name]()
    is_node = name == "in Node.js"
    file = folder / ("receiver.mjs" if is_node else "receiver.py")
    file.write_text(text.replace("9000, ", f"{port}, ").replace('"127.0.0.1", 9000', f'"127.0.0.1", {port}'))
    (folder / "subscription.json").write_text(json.dumps({"secret": SECRET}))
    said = folder / "stderr.txt"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [node() if is_node else sys.executable, str(file), str(port)],
            cwd=folder,
            env=os.environ | {"SECRET": SECRET, "SHOP_SECRET": SECRET},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        programs.wait_for_port(port, process, said)
        yield port, said
        assert process.poll() is None, "it has ended"
    finally:
        process.kill()
        process.wait()


def answer_of(port: int, trial: Trial, path: str) -> int:
    """Send *trial* and return the status of the answer; 0 for none."""
    head = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(trial.body)}"]
    head += [f"{name}: {value}" for name, value in trial.headers.items()]
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + trial.body)
        status = connection.makefile("rb").readline().split()
    return int(status[1]) if len(status) > 1 else 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_refuses_all_that_is_not_genuine_and_lives(name, tmp_path):
    path = {"put-your-own-product": "/searches/find_order", "the shop": "/searches/find_order"}.get(name, "/")
    with running(name, tmp_path) as (port, said):
        for trial in trials("standard", SECRET, OTHER):
            status = answer_of(port, trial, path)
            wanted = range(200, 300) if trial.is_genuine else range(400, 500)
            assert status in wanted, (trial.name, status, said.read_text()[-1000:])
        assert "Traceback" not in said.read_text()
        with socket.create_connection(("127.0.0.1", port), 60) as connection:  # it disconnects midway
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfew")
        time.sleep(0.1)
        genuine = next(trials("standard", SECRET, OTHER))
        assert answer_of(port, genuine, path) < 300
