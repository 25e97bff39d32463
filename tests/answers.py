"""The answers of HTTP calls."""

from typing import Any

import httpx2


def json_of(answer: httpx2.Response, status: int = 200) -> Any:
    """Check the status of an answer; return its JSON."""
    assert answer.status_code == status, answer.text
    return answer.json()
