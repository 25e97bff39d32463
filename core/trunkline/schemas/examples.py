"""Events made from the examples in schemas: for samples, trials and tests."""

import orjson

from trunkline.model.events import Draft
from trunkline.schemas.catalog import SchemaCatalog

EXAMPLE_CREATED_UTC = "2026-01-28T10:30:00Z"


def example_draft(
    catalog: SchemaCatalog,
    company_id: int,
    type: str,
    *,
    source: str | None = None,
    created_utc: str = EXAMPLE_CREATED_UTC,
    version: int | None = None,
) -> Draft:
    """Make a draft of the example of *type*, in *version* (by default the current version). The type must be known."""
    kind = catalog.known(type, version)
    assert kind is not None
    metadata = orjson.dumps({"source": source}) if source else b""
    return Draft(company_id, kind.name, created_utc, kind.example_json, metadata, kind.version)
