"""The rows that a company has in a table, as they are named for its deletion."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompanyRows:
    """Rows of a plugin's *table* that are the company's ``:company``, which the condition *where* finds, along an index.

    They are removed in pieces when the company is deleted. What lets somebody in goes *at_once*: in the transaction that
    deletes the company.
    """

    table: str
    where: str = "company_id = :company"
    at_once: bool = False
