"""The two environments of a company: ``live`` and ``test``, which share nothing but the company's name.

Within the hub the test environment of company 92 is company -92. So every table, shard, limit and cursor separates the
two environments as it separates two companies, without further code. Callers name a company by its positive id. Answers
show that id, and mark data of the test environment.
"""

from typing import Any

LIVE = "live"
TEST = "test"
ENVIRONMENTS = (LIVE, TEST)
TEST_OPERATORS = -(2**63)
"""The company id of operators' keys in calls for test environments; in calls for live environments, it is 0."""


def is_test(company_id: int) -> bool:
    """Return whether *company_id* is that of a test environment."""
    return company_id < 0


def environment_of(company_id: int) -> str:
    """Return the name of the environment *company_id*: ``live`` or ``test``."""
    return TEST if company_id < 0 else LIVE


def company_number(company_id: int) -> int:
    """Return the id that callers use for the company; it is the same in both environments."""
    return abs(company_id)


def in_environment(company_id: int, environment: str | None) -> int:
    """Return the id of a company in *environment* (None means live), given the company's id in either environment."""
    return -abs(company_id) if environment == TEST else abs(company_id)


def other_environment(company_id: int) -> int:
    """Return the other environment of the same company."""
    return -company_id


def environment_member(company_id: int) -> dict[str, Any]:
    """Return the JSON member that marks the test environment, to add after a company's id.

    The result is empty for the live environment.
    """
    return {"environment": TEST} if company_id < 0 else {}


def company_title(company_id: int) -> str:
    """Name the company and its environment in a sentence: ``company 92``, ``the test environment of company 92``."""
    name = f"company {abs(company_id)}"
    return f"the test environment of {name}" if company_id < 0 else name
