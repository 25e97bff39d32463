"""The rows of a company in a table, declared so that they can be deleted with the company."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompanyRows:
    """Rows of a plugin's *table* that belong to one company.

    The SQL condition *where*, with ``:company``, uses an index. They are removed in small steps when the company is
    deleted. Rows that grant access are removed *at_once*, in the transaction that deletes the company.
    """

    table: str
    where: str = "company_id = :company"
    at_once: bool = False
