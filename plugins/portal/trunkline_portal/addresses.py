"""Addresses of pages. The address of a company's page names the company, so a page acts only for the company that it shows.

``/portal/companies/92/events`` is a page of company 92, ``/portal/companies/92~test/events`` of its test environment. An
address without a company (``/portal/events``, the old form, to which external links point) redirects to the page of the
company that is shown.
"""

import re
from urllib.parse import urlencode

from trunkline.routes import company_number, environment_of, in_environment

HOME = "/portal"
SIGN_IN = "/portal/sign-in"
CHOOSER = "/portal/company"
EVERYBODY = "/portal/companies"
"""The page over all companies."""
OF_COMPANY = "/companies/{company_id}"
"""The part between ``HOME`` and the rest of an address, in the tables of routes."""
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
"""The first path parts of a company's pages."""
MAX_COMPANY_ID = 2**63 - 1
_IN_TEST = "~test"
"""Suffix of the company in addresses of its test environment: no reference contains ``~``."""

_COMPANY = re.compile(rf"/portal/companies/([0-9]{{1,19}})({_IN_TEST})?(?=[/?]|$)", re.ASCII)
_NAMED = re.compile(rf"/portal/companies/([A-Za-z0-9._:-]{{1,128}})({_IN_TEST})?(?=[/?]|$)", re.ASCII)
_SECTION = re.compile(r"(?:/(?:x/[^/?]+/[^/?]+|[^/?]+))?(?:\?.*)?")
_LISTED_IN = {"/deliveries": "/subscriptions"}
"""Maps each section without a list page to a section whose list every viewer of its records may see."""


def segment_of(company_id: int) -> str:
    """Write a company and its environment for addresses and forms: ``92``, ``92~test``."""
    return f"{company_number(company_id)}{_IN_TEST if environment_of(company_id) == 'test' else ''}"


def root_of(company_id: int | None) -> str:
    """Return the prefix of a company's pages; if *company_id* is None, the prefix of pages without a company."""
    return HOME if company_id is None else f"{HOME}/companies/{segment_of(company_id)}"


def company_in(path: str) -> int | None:
    """Read the company in the address *path*; None if there is none."""
    match = _COMPANY.match(path)
    company_id = int(match[1]) if match else 0
    if match is None or not 0 < company_id <= MAX_COMPANY_ID:
        return None
    return in_environment(company_id, _environment(match))


def reference_in(path: str) -> tuple[str, str] | None:
    """Read the company's reference and the environment in the address *path*; None if it has no reference."""
    match = _NAMED.match(path)
    return (match[1], _environment(match)) if match and not match[1].isdigit() else None


def moved_to(path: str, company_id: int) -> str:
    """Return the address of the same page for *company_id*."""
    match = _NAMED.match(path)
    rest = path[match.end() :] if match else path.removeprefix(HOME)
    return f"{root_of(company_id)}{rest}"


def section_of(path: str, company_id: int | None) -> str:
    """Return the address of the section of the page at *path*, in another environment of the company.

    The page's subject (an event, a subscription) is left out, because it does not exist in the other environment. The
    parameters of a list are kept.
    """
    match = _NAMED.match(path)
    found = _SECTION.match(path, match.end()) if match else None
    section = found[0] if found else ""
    return f"{root_of(company_id)}{_LISTED_IN.get(section, section)}"


def with_query(path: str, **parameters: str | None) -> str:
    """Return *path* with the *parameters* that have a value."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path


def _environment(match: re.Match[str]) -> str:
    return "test" if match[2] else "live"


def has_section(path: str) -> bool:
    """Return True if *path*, below ``HOME``, is a company's page in the old form without a company."""
    return path.partition("/")[0] in SECTIONS
