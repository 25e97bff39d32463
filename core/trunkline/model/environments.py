"""The two environments of a company: ``live``, and ``test`` beside it, which shares nothing with it but its name.

Within the hub the test environment of company 92 is the company -92: every table, shard, limit and cursor keeps it apart as
it keeps any two companies apart, and nothing has to be asked or remembered. Whoever names a company from outside names a
positive id; whatever is shown has that id, and says beside it that it is of the test environment.
"""

from typing import Any

LIVE = "live"
TEST = "test"
ENVIRONMENTS = (LIVE, TEST)
TEST_OPERATORS = -(2**63)
"""Stands for operators' own keys where they call for test environments, as 0 does where they call for live ones."""


def is_test(company_id: int) -> bool:
    """Tell whether *company_id* is a test environment."""
    return company_id < 0


def environment_of(company_id: int) -> str:
    """Tell which environment *company_id* is: ``live`` or ``test``."""
    return TEST if company_id < 0 else LIVE


def company_number(company_id: int) -> int:
    """Give the id that the company has outside: the same in both environments."""
    return abs(company_id)


def in_environment(company_id: int, environment: str | None) -> int:
    """Give the *environment* (None for live) of the company, one of whose environments is *company_id*."""
    return -abs(company_id) if environment == TEST else abs(company_id)


def other_environment(company_id: int) -> int:
    """Give the other environment of the same company."""
    return -company_id


def environment_member(company_id: int) -> dict[str, Any]:
    """Give the member that JSON of the test environment has beside the company's id; JSON of the live one has none."""
    return {"environment": TEST} if company_id < 0 else {}


def company_title(company_id: int) -> str:
    """Name the company and its environment in a sentence: ``company 92``, ``the test environment of company 92``."""
    name = f"company {abs(company_id)}"
    return f"the test environment of {name}" if company_id < 0 else name
