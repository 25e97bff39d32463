"""The answers of HTTP calls."""

from typing import Any

import httpx2


def json_of(answer: httpx2.Response, status: int = 200) -> Any:
    """Check the status of an answer; return its JSON."""
    assert answer.status_code == status, answer.text
    return answer.json()


def paths(answer: httpx2.Response, status: int | None = None) -> list[str]:
    """Give the places in a request that are wrong according to *answer*; check its status if one is given."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert status in {None, answer.status_code}, answer.text
    return [error["path"] for error in answer.json()["errors"]]


def problem(answer: httpx2.Response, status: int, name: str) -> Any:
    """Check that *answer* is the problem *name*; return its JSON."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    content = json_of(answer, status)
    assert content["type"] == f"urn:trunkline:problem:{name}"
    assert content["request_id"] == answer.headers["x-request-id"]
    return content
