"""The client of fastmcp against ``trunkline serve``, in a separate environment for its 27 packages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "fastmcp==4.2.3"
UV = Path(sys.executable).with_name("uv")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def python(tmp_path) -> Path:
    environment = tmp_path / "fastmcp"
    for command in (
        ("venv", "--quiet", "--python", sys.executable, environment),
        ("pip", "install", "--quiet", "--python", environment / "bin" / "python", PACKAGE),
    ):
        subprocess.run([UV, *command], check=True, capture_output=True, timeout=240)
    return environment / "bin" / "python"


def test_it_lists_calls_reads_and_is_told_what_to_mend(served_hub, python):
    program = Path(__file__).with_name("fastmcp_agent.py")
    done = subprocess.run(
        [python, program, f"{served_hub.url}/mcp", served_hub.key],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert {"create_lead", "find_lead", "get_recent_events"} <= set(told["tools"])
    assert told["made"]["status"] == "Lead - New"
    assert str(told["made"]["client_id"]) in json.dumps(told["found"])
    is_error, text = told["refused"]
    assert is_error
    assert "first_name" in text
    assert "payment.failed" in json.dumps(told["types"])
    assert told["prompts"] == ["find_out_why", "watch_for_event"]
