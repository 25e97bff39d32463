"""Hubs for the benchmarks."""

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.model.events import Draft

PAYLOAD = (
    b'{"client_id":12345,"first_name":"Jane","last_name":"Doe","email":"jane.doe@example.com","phone":"+1 555-010-4477",'
    b'"status":"Client - Active","status_id":42,"created_date":"2026-01-28T10:30:00Z","employee_id":7,'
    b'"employee_name":"%b","affiliate_id":null}' % (b"x" * 180)
)
"""A payload whose envelope has about 0.5 KB."""


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """Return the environment of a hub that may push to this machine, with rate limits too high to matter.

    *settings* are further settings, such as ``delivery__shards="2"``.
    """
    return {
        "TRUNKLINE_DATABASE__URL": database_url,
        "TRUNKLINE_DELIVERY__ALLOW_HTTP": "true",
        "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
        "TRUNKLINE_LIMITS__WRITE": "100000000/minute",
        "TRUNKLINE_LIMITS__READ": "100000000/minute",
        "TRUNKLINE_LIMITS__ADMIN": "100000000/minute",
        "TRUNKLINE_SERVER__DRAIN_SECONDS": "0",
        "TRUNKLINE_COMPANIES__EVENTS_PER_SECOND": "100000000",
        "TRUNKLINE_AUTH__PEPPER": "p" * 32,
        "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
        **{f"TRUNKLINE_{name.upper()}": value for name, value in settings.items()},
    }


def make_hub(database_url: str, *, dispatch: bool, **more: str) -> Hub:
    """Build a hub with the settings of ``environment``."""
    loaded = settings.load(environment=environment(database_url, **more))
    return Hub(loaded, dispatch=dispatch)


def drafts(company_id: int, count: int) -> list[Draft]:
    """Make events of about 0.5 KB."""
    return [Draft(company_id, "client.created", "2026-01-28T10:30:00Z", PAYLOAD)] * count
