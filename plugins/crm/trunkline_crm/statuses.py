"""The statuses of a company, and the choice of the status that a call names. No I/O."""

from collections.abc import Sequence

from msgspec import Struct

from trunkline import BodyInvalid, FieldError


class Status(Struct, frozen=True):
    """One status of a company. *status_id* is the company's own number for it."""

    status_id: int
    name: str

    @property
    def is_lead(self) -> bool:
        """Whether a record with this status is a lead: its name begins with ``Lead``."""
        return self.name.startswith("Lead")


NEW_LEAD = Status(10, "Lead - New")
NEW_CLIENT = Status(42, "Client - Active")
STARTING = (
    NEW_LEAD,
    Status(11, "Lead - Contacted"),
    Status(12, "Lead - Qualified"),
    NEW_CLIENT,
    Status(43, "Client - On Hold"),
    Status(44, "Client - Graduated"),
    Status(45, "Client - Cancelled"),
)
"""The statuses of a new company, with the ids of WhiteLabelCRO."""


def choose(
    statuses: Sequence[Status],
    *,
    name: str | None,
    status_id: int | None,
    field: str,
    leads: bool | None = None,
) -> Status:
    """Find the status that a call names, by *name* (in *field*), *status_id* (in ``{field}_id``), or both.

    An exact match of the name wins over a match in another case. If *leads* is True, the status must be a lead status;
    if False, another status.

    Raises:
        BodyInvalid: no status matches, or name and number match different statuses.
    """
    by_name = None if name is None else called(statuses, name)
    by_id = next((status for status in statuses if status.status_id == status_id), None)
    faults: list[FieldError] = []
    if name is not None and (fault := _fault(by_name, statuses, leads=leads)):
        faults.append(FieldError(f"/{field}", f"'{name}' {fault}"))
    if status_id is not None and (fault := _fault(by_id, statuses, leads=leads)):
        faults.append(FieldError(f"/{field}_id", f"{status_id} {fault}"))
    chosen = by_id or by_name
    if faults or chosen is None:
        absent = FieldError(f"/{field}", "is required, or its number", "Choose a status")
        raise BodyInvalid(faults or [absent])
    if by_name is not None and by_name != chosen:
        difference = f"{chosen.status_id} is '{chosen.name}', not '{by_name.name}'"
        form_message = f"The status {difference}; fill in one of the two"
        raise BodyInvalid([FieldError(f"/{field}_id", f"{difference}; send one of the two", form_message)])
    return chosen


def called(statuses: Sequence[Status], name: str) -> Status | None:
    """Find the status with this *name*; an exact match wins over a match in another case."""
    exact = (status for status in statuses if status.name == name)
    in_any_case = (status for status in statuses if status.name.lower() == name.lower())
    return next(exact, None) or next(in_any_case, None)


def _fault(status: Status | None, statuses: Sequence[Status], *, leads: bool | None) -> str | None:
    if status is None:
        return f"is not a status of this company, which has {_listed(statuses)}"
    if leads is None or status.is_lead is leads:
        return None
    fitting = [status for status in statuses if status.is_lead is leads]
    return f"is {'not ' if leads else ''}a lead's status; choose from {_listed(fitting)}"


def _listed(statuses: Sequence[Status]) -> str:
    return ", ".join(f"'{status.name}' ({status.status_id})" for status in statuses)
