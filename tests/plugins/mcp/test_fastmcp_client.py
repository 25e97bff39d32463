"""The client of fastmcp against ``trunkline serve``, in a separate environment for its 27 packages."""

import json
import sys
from pathlib import Path

import pytest
from tests.programs import output_of

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
        output_of(UV, *command, timeout=240)
    return environment / "bin" / "python"


def test_it_lists_calls_reads_and_is_told_what_to_mend(served_hub, python):
    program = Path(__file__).with_name("fastmcp_agent.py")
    told = json.loads(output_of(python, program, f"{served_hub.url}/mcp", served_hub.key, timeout=60))
    assert {"create_lead", "find_lead", "get_recent_events"} <= set(told["tools"])
    assert told["made"]["status"] == "Lead - New"
    assert str(told["made"]["client_id"]) in json.dumps(told["found"])
    is_error, text = told["refused"]
    assert is_error
    assert "first_name" in text
    assert "payment.failed" in json.dumps(told["types"])
    assert told["prompts"] == ["find_out_why", "watch_for_event"]
