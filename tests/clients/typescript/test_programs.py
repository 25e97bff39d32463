"""Node's own test runner with the installed package: against a running hub, and with webhooks that the hub's code signed."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.clients.python.test_receiving import BODY, SECRET, SEED, signed
from tests.clients.serving import Served
from tests.clients.typescript.conftest import HERE, Run

from trunkline.targets import signatures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def passes(run: Run, program: str, folder: Path, **environment: str) -> int:
    shutil.copy(HERE / "programs" / program, folder)
    printed = run("node", "--test", "--test-reporter=tap", program, cwd=folder, **environment)
    return int(re.findall(r"^# pass (\d+)$", printed, re.MULTILINE)[0])


def test_the_client_against_a_hub(installed, run, sqlite_database_url):
    modes = {
        "TRUNKLINE_VALIDATION__TYPES": '{"payment.failed": "quarantine"}',
        "TRUNKLINE_PLUGINS__ENABLED": "webhooks, polling, actions, searches, crm",
    }
    with Served(sqlite_database_url, **modes) as served:
        passed = passes(run, "hub.test.mjs", installed, HUB_URL=served.url, HUB_KEY=served.key)
    assert passed == 14


def test_receiving(installed, run):
    cases = [
        *(("missing", {name: ""}, BODY) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")),
        ("malformed", {"webhook-timestamp": "soon"}, BODY),
        ("malformed", {"webhook-signature": "nonsense"}, BODY),
        ("mismatch", {}, BODY + b" "),
        ("mismatch", {"webhook-id": "8"}, BODY),
        ("mismatch", {"webhook-signature": "v1,AAAA"}, BODY),
        ("mismatch", {"webhook-signature": "v1a,AAAA"}, BODY),
        ("malformed", signed(body=b"[]"), b"[]"),
        ("expired", signed(seconds_ago=302), BODY),
        ("expired", signed(seconds_ago=-310), BODY),
        ("genuine", {}, BODY),
    ]
    listed = [
        {"name": f"{code} {number}", "code": code, "headers": signed() | changed, "body": body.decode()}
        for number, (code, changed, body) in enumerate(cases)
    ]
    given = {
        "secret": SECRET,
        "seed_public": signatures.public_key(SEED),
        "other_public": signatures.public_key(signatures.new_secret("ed25519")),
        "body": BODY.decode(),
        "hmac": signed(),
        "ed25519": signed("ed25519"),
        "cases": listed,
    }
    (installed / "cases.json").write_text(json.dumps(given))
    assert passes(run, "receiving.test.mjs", installed) == 6
