"""Every answer of a hub with all plugins conforms to its OpenAPI document, for any request (schemathesis)."""

import sys
from pathlib import Path

import pytest
from tests.programs import output_of

MAX_SECONDS = 75
WORKERS = 1
"""Only one worker: workers are threads, and Python 3.11 sometimes fails with a ``SystemError`` if two threads parse source at once
(https://github.com/python/cpython/issues/106905).
"""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
CONFIG = """
[parameters]
"query.wait" = 0
"""
"""Long polls would take the time of other calls."""


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_whatever_is_sent_every_answer_is_as_documented(serve_hub, tmp_path):
    hub = serve_hub()
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    program = Path(sys.executable).parent / "schemathesis"
    options = [
        "--url", hub.url, "--header", f"X-Api-Key: {hub.key}", "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-time", str(MAX_SECONDS), "--workers", str(WORKERS),
        "--request-timeout", "20", "--continue-on-failure", "--no-color", "--seed", "1", "--warnings", "off",
    ]  # fmt: skip
    output_of(program, "run", f"{hub.url}/openapi.json", *options, cwd=tmp_path, timeout=4 * MAX_SECONDS)
    log = (hub.folder / "err.txt").read_text()
    assert "Traceback" not in log, log[-5_000:]
