"""Addresses of pages. What is a company's has the company in it, so that no page acts for another than it shows.

``/portal/companies/92/events`` is a page of company 92. Without a company (``/portal/events``, as it was called once and as
others link to it) an address leads to the page of the company that is looked at.
"""

import re

HOME = "/portal"
SIGN_IN = "/portal/sign-in"
CHOOSER = "/portal/company"
OF_COMPANY = "/companies/{company_id}"
"""What stands between ``HOME`` and the rest of an address, in the tables of routes."""
SECTIONS = frozenset(
    {
        "events",
        "deliveries",
        "quarantine",
        "subscriptions",
        "keys",
        "catalogue",
        "connectors",
        "health",
        "record",
        "x",
    }
)
"""How addresses of a company's pages go on."""
MAX_COMPANY_ID = 2**63 - 1

_COMPANY = re.compile(r"/portal/companies/([0-9]{1,19})(?=[/?]|$)", re.ASCII)
_NAMED = re.compile(r"/portal/companies/([A-Za-z0-9._:-]{1,128})(?=[/?]|$)", re.ASCII)


def root_of(company_id: int | None) -> str:
    """Give what the addresses of a company's pages begin with; those that are nobody's for None."""
    return HOME if company_id is None else f"{HOME}/companies/{company_id}"


def company_in(path: str) -> int | None:
    """Tell which company the address *path* is about; None where it names none."""
    match = _COMPANY.match(path)
    company_id = int(match[1]) if match else 0
    return company_id if 0 < company_id <= MAX_COMPANY_ID else None


def reference_in(path: str) -> str | None:
    """Tell by which reference the address *path* names a company; None where it does not."""
    match = _NAMED.match(path)
    return match[1] if match and not match[1].isdigit() else None


def moved_to(path: str, company_id: int) -> str:
    """Give the address of the same page for another company, or for the first that it is asked for."""
    match = _NAMED.match(path)
    rest = path[match.end() :] if match else path.removeprefix(HOME)
    return f"{root_of(company_id)}{rest}"


def has_section(path: str) -> bool:
    """Tell whether *path*, which begins below ``HOME``, is where companies' pages were before addresses named a company."""
    return path.partition("/")[0] in SECTIONS
