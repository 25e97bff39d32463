"""Companies as callers name them in bodies and events: by id or by reference."""

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from trunkline.api.security import Caller
from trunkline.errors import SHOWN, BodyInvalid, FieldError, Forbidden
from trunkline.model.companies import MAX_COMPANY_ID, MAX_REFERENCE, REFERENCE_FORM, is_reference
from trunkline.store.directory import CompanyDirectory

_PENDING = 1
PLATFORM = 0
"""The owner of a key without a company."""


def _check(value: object) -> object:
    if (type(value) is int and 0 < value <= MAX_COMPANY_ID) or (
        isinstance(value, str) and is_reference(value)
    ):
        return value
    msg = f"must be a company's id, or its reference ({REFERENCE_FORM})"
    raise ValueError(msg)


def _check_owner(value: object) -> object:
    return value if type(value) is int and value == PLATFORM else _check(value)


def _schema(least: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": least, "maximum": MAX_COMPANY_ID},
                {"type": "string", "pattern": rf"^[A-Za-z0-9._:-]{{1,{MAX_REFERENCE}}}$"},
            ]
        }
    )


CompanyName = Annotated[int | str, BeforeValidator(_check), _schema(1)]
"""A company in a body: its id, or its reference."""
KeyOwner = Annotated[int | str, BeforeValidator(_check_owner), _schema(PLATFORM)]
"""The owner of a key: a company, or the platform."""


class CompanyNames:
    """Finds the company of each event of a request (``ingest.CompanyOf``).

    If *is_incomplete* after the request was read, this process does not know one of its references. Then call ``look_up``, and
    read the request again.
    """

    def __init__(self, caller: Caller, directory: CompanyDirectory) -> None:
        self._caller = caller
        self._directory = directory
        self._named: set[str] = set()
        self._found: dict[str, int] | None = None
        self.is_incomplete = False

    def __call__(self, name: int | str | None) -> int:
        """Return the company of an event. Raises Forbidden, BodyInvalid, BadQuery."""
        if not isinstance(name, str):
            return self._caller.company_for(name)
        if self._found is None:
            self._named.add(name)
            company_id = self._directory.remembered_id(name)
        else:
            company_id = self._found.get(name)
        if company_id is not None:
            return self._caller.company_for(company_id)
        if self._found is None:
            self.is_incomplete = True
            return _PENDING
        if self._caller.principal.company_id is not None:
            raise Forbidden.wrong_company()
        raise BodyInvalid([FieldError("/companyId", f"is no company's reference: '{name[:SHOWN]}'")])

    async def look_up(self) -> None:
        """Find the companies of the request. References that are not found count as unknown from then on."""
        self._found = await self._directory.ids_of(self._named)
