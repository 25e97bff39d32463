"""Addresses of pages. What is a company's has the company in it, so that no page acts for another than it shows.

``/portal/companies/92/events`` is a page of company 92, ``/portal/companies/92~test/events`` of its test environment. Without a company (``/portal/events``, as it was called once and as
others link to it) an address leads to the page of the company that is looked at.
"""

import re

from trunkline.routes import company_number, environment_of, in_environment

HOME = "/portal"
SIGN_IN = "/portal/sign-in"
CHOOSER = "/portal/company"
EVERYBODY = "/portal/companies"
"""The page over all companies."""
OF_COMPANY = "/companies/{company_id}"
"""What stands between ``HOME`` and the rest of an address, in the tables of routes."""
SECTIONS = frozenset(
    {
        "events",
        "deliveries",
        "consumers",
        "quarantine",
        "subscriptions",
        "changes",
        "keys",
        "catalogue",
        "connectors",
        "health",
        "record",
        "search",
        "targets",
        "limits",
        "links",
        "x",
    }
)
"""How addresses of a company's pages go on."""
MAX_COMPANY_ID = 2**63 - 1
_IN_TEST = "~test"
"""Follows the company in the addresses of its test environment: no reference has that sign."""

_COMPANY = re.compile(rf"/portal/companies/([0-9]{{1,19}})({_IN_TEST})?(?=[/?]|$)", re.ASCII)
_NAMED = re.compile(rf"/portal/companies/([A-Za-z0-9._:-]{{1,128}})({_IN_TEST})?(?=[/?]|$)", re.ASCII)
_SECTION = re.compile(r"(?:/(?:x/[^/?]+/[^/?]+|[^/?]+))?(?:\?.*)?")
_LISTED_IN = {"/deliveries": "/events"}
"""Where those are listed that have no list of their own."""


def segment_of(company_id: int) -> str:
    """Write a company in its environment as addresses and forms name it: ``92``, ``92~test``."""
    return f"{company_number(company_id)}{_IN_TEST if environment_of(company_id) == 'test' else ''}"


def root_of(company_id: int | None) -> str:
    """Give what the addresses of a company's pages begin with; those that are nobody's for None."""
    return HOME if company_id is None else f"{HOME}/companies/{segment_of(company_id)}"


def company_in(path: str) -> int | None:
    """Tell which company the address *path* is about; None where it names none."""
    match = _COMPANY.match(path)
    company_id = int(match[1]) if match else 0
    if match is None or not 0 < company_id <= MAX_COMPANY_ID:
        return None
    return in_environment(company_id, _environment(match))


def reference_in(path: str) -> tuple[str, str] | None:
    """Tell by which reference, and in which environment, the address *path* names a company; None where it does not."""
    match = _NAMED.match(path)
    return (match[1], _environment(match)) if match and not match[1].isdigit() else None


def moved_to(path: str, company_id: int) -> str:
    """Give the address of the same page for another company, or for the first that it is asked for."""
    match = _NAMED.match(path)
    rest = path[match.end() :] if match else path.removeprefix(HOME)
    return f"{root_of(company_id)}{rest}"


def section_of(path: str, company_id: int | None) -> str:
    """Give the address of the section that the page at *path* is in, in another environment of its company.

    What a page is about (an event, a subscription) is not there; what a list was asked for is asked for again.
    """
    match = _NAMED.match(path)
    found = _SECTION.match(path, match.end()) if match else None
    section = found[0] if found else ""
    return f"{root_of(company_id)}{_LISTED_IN.get(section, section)}"


def _environment(match: re.Match[str]) -> str:
    return "test" if match[2] else "live"


def has_section(path: str) -> bool:
    """Tell whether *path*, which begins below ``HOME``, is where companies' pages were before addresses named a company."""
    return path.partition("/")[0] in SECTIONS
