"""Options that several commands share, and reading their values."""

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from trunkline.cli.parameters import argument, option
from trunkline.model.companies import REFERENCE_FORM, read_name
from trunkline.model.environments import ENVIRONMENTS, LIVE, TEST, in_environment
from trunkline.store.directory import CompanyDirectory


def _check_company(named: str | None) -> str | None:
    if named is not None and read_name(named) is None:
        msg = f"'{named}' is neither the id of a company nor a reference ({REFERENCE_FORM})"
        raise typer.BadParameter(msg)
    return named


_COMPANY: Any = option(
    "--company", "COMPANY", "The company: its id or its reference.", callback=_check_company
)


def _check_environment(named: str) -> str:
    if named not in ENVIRONMENTS:
        msg = f"'{named}' is no environment; it is {LIVE} or {TEST}"
        raise typer.BadParameter(msg)
    return named


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Company = Annotated[str, _COMPANY]
OptionalCompany = Annotated[str | None, _COMPANY]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Newest = Annotated[int, option("--limit", "N", "Show at most this many, the newest.", min=1)]
SubscriptionId = Annotated[str, argument("SUBSCRIPTION", "The subscription's id, sub_….")]
CompanyArgument = Annotated[
    str, argument("COMPANY", "The company: its id or its reference.", callback=_check_company)
]
Environment = Annotated[
    str,
    option(
        "--environment", "|".join(ENVIRONMENTS), "The company's environment.", callback=_check_environment
    ),
]


async def id_of(directory: CompanyDirectory, company: str, environment: str) -> int:
    """Return the id of the named company in its environment. Raises CompanyUnknown, CompanyErased."""
    company_id = await directory.id_of(name_of(company))
    return await directory.id_of(in_environment(company_id, environment))


async def id_or_none(directory: CompanyDirectory, company: str | None, environment: str) -> int | None:
    """Return the same id as ``id_of``; None if no company is named. Raises BadParameter for an environment without a company."""
    if company is not None:
        return await id_of(directory, company, environment)
    if environment != LIVE:
        msg = "--environment goes with --company: name the company whose environment it is"
        raise typer.BadParameter(msg)
    return None


def name_of(company: str) -> int | str:
    """Read the named company, which was already checked, as an id or a reference."""
    name = read_name(company)
    assert name is not None
    return name


def json_or_text(text: str) -> Any:
    """Read *text* as JSON, or, if it is not JSON, as a text without quotes such as 50/second."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def names_in(text: str | None) -> list[str]:
    """Read names that are separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def read_moment(text: str | None, option: str) -> datetime | None:
    """Read the ISO 8601 time of *option*, in UTC if it has no offset. Raises BadParameter."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not an ISO 8601 time, such as 2026-01-28T10:30:00Z"
        raise typer.BadParameter(msg, param_hint=option) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
