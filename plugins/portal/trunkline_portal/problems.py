"""The words of the error page for each kind of error."""

import http
from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException

from trunkline import Refused
from trunkline.routes import TrunklineError


class Problem(Struct, frozen=True):
    """The words of an error page, with its status and headers."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str]


def problem_of(error: Exception) -> Problem:
    """Describe *error*; an unknown error is described as a 500."""
    match error:
        case Refused():
            return Problem(error.status, error.title, error.detail, error.headers)
        case HTTPException(status_code=404) | RequestValidationError():
            return Problem(
                404, "There is no such page", "The address may be misspelt, or the page was removed.", {}
            )
        case HTTPException():
            phrase = http.HTTPStatus(error.status_code).phrase
            return Problem(error.status_code, phrase, "Go back and try it another way.", error.headers or {})
        case TrunklineError() if getattr(error, "status", None) == 503:
            detail = "The database does not answer; a change may or may not have been stored. Try again in a moment."
            return Problem(503, "Not available now", detail, {"Retry-After": "5"})
        case TrunklineError() if hasattr(error, "detail"):
            return Problem(502, "A service behind the hub failed", str(error), {})
        case _:
            detail = "Something went wrong on our side; it was logged. Try again, or tell the operator of this service."
            return Problem(500, "This page failed", detail, {})
