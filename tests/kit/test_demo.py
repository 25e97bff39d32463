"""The demo, as a real process: the main job on real input."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time

import asyncpg
import httpx2
import pytest
from tests import programs
from typer.testing import CliRunner

from trunkline.cli import app

TYPES = 10
SECRETS = {"TRUNKLINE_AUTH__PEPPER": "p" * 32, "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32}


def _command(*arguments):
    return [sys.executable, "-P", "-m", "trunkline.cli", "demo", *arguments]


def _demo(folder, *arguments, **environment):
    return programs.run(*_command(*arguments), cwd=folder, env=programs.inherited(**environment), timeout=150)


def _complaints(errors):
    """List the lines of *errors*, without those on a call that a busy machine took long for."""
    return [line for line in errors.splitlines() if "held this process for" not in line]


def _check(summary):
    counts = {name: summary[name] for name in ("accepted", "pushed", "verified", "polled", "same_bytes")}
    assert counts == dict.fromkeys(counts, TYPES)
    assert summary["retried"] >= 1
    assert summary["found"] is True
    assert summary["ok"] is True
    assert len({event["type"] for event in summary["events"]}) == TYPES


@pytest.mark.slow
def test_without_a_database_it_plays_on_a_temporary_one_in_seconds_and_leaves_nothing(tmp_path):
    result = _demo(tmp_path, "--exit", "--json")
    assert (result.returncode, _complaints(result.stderr)) == (0, [])
    summary = json.loads(result.stdout)
    _check(summary)
    assert summary["seconds"] < 40, "a busy machine takes several times as long as another"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_on_a_postgresql_that_is_in_use_it_counts_its_own_events_and_takes_away_its_key_and_subscription(
    tmp_path, postgres_database_url
):
    database = {"TRUNKLINE_DATABASE__URL": postgres_database_url}
    for event_type in ("client.created", "payment.failed"):
        emitted = CliRunner().invoke(
            app, ["events", "emit", event_type, "--company", "92"], env=database | SECRETS
        )
        assert emitted.exit_code == 0
    result = _demo(tmp_path, "--exit", "--json", **database, **SECRETS)
    assert (result.returncode, _complaints(result.stderr)) == (0, [])
    _check(json.loads(result.stdout))

    async def left():
        connection = await asyncpg.connect(postgres_database_url)
        try:
            keys = await connection.fetchval("SELECT count(*) FROM api_keys WHERE revoked_ms IS NULL")
            subscriptions = await connection.fetchval(
                "SELECT count(*) FROM subscriptions WHERE status <> 'deleted'"
            )
            return keys, subscriptions
        finally:
            await connection.close()

    assert asyncio.run(left()) == (0, 0)


@pytest.mark.slow
def test_in_a_pipe_it_is_plain_text_with_a_line_for_each_event(tmp_path):
    result = _demo(tmp_path, "--exit")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert "\r" not in result.stdout
    assert len(re.findall(r"^[a-z.]+_?[a-z_]* #\d+: accepted ✓", result.stdout, re.MULTILINE)) == TYPES
    assert "✓ 10 accepted · 10 pushed · 10 verified · 10 polled · 1 retried" in result.stdout
    assert "A search found the client again." in result.stdout


@pytest.mark.slow
def test_it_keeps_running_with_a_key_that_works_until_ctrl_c(tmp_path):
    with (tmp_path / "output.txt").open("wb") as output:
        process = subprocess.Popen(_command("--json"), cwd=tmp_path, env=programs.inherited(), stdout=output)
    try:
        summary = _wait_for_json(tmp_path / "output.txt", process)
        _check(summary)
        answer = httpx2.get(f"{summary['url']}/api/v1/me", headers={"X-Api-Key": summary["api_key"]})
        assert answer.json()["company_id"] == 92
        assert httpx2.get(summary["portal"], follow_redirects=True).url.path == "/portal/sign-in"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def _wait_for_json(file, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (text := file.read_text()).endswith("}\n"):
            return json.loads(text)
        time.sleep(0.05)
    pytest.fail("the demo printed no summary")
