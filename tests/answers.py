"""The answers of HTTP calls."""

from typing import Any

import httpx2


def json_of(answer: httpx2.Response, status: int = 200) -> Any:
    """Check the status of an answer; return its JSON."""
    assert answer.status_code == status, answer.text
    return answer.json()


def paths(answer: httpx2.Response) -> list[str]:
    """Give the places in a request that are wrong according to *answer*."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return [error["path"] for error in answer.json()["errors"]]
