"""All sections of the settings, and the checks across sections."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trunkline.settings import sections

_POSTGRESQL = ("postgresql://", "postgres://")


class Settings(BaseModel):
    """Every section, and the *file* from which they were read, if there is one.

    Sections of plugins are kept separately in *plugin_sections* until their models are known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: sections.Database = sections.Database()
    server: sections.Server = sections.Server()
    product: sections.Product = sections.Product()
    plugins: sections.Plugins = sections.Plugins()
    events: sections.Events = sections.Events()
    validation: sections.Validation = sections.Validation()
    delivery: sections.Delivery = sections.Delivery()
    companies: sections.Companies = sections.Companies()
    limits: sections.Limits = sections.Limits()
    auth: sections.Auth = sections.Auth()
    brand: sections.Brand = sections.Brand()
    connectors: sections.Connectors = sections.Connectors()
    metrics: sections.Metrics = sections.Metrics()
    otel: sections.OpenTelemetry = sections.OpenTelemetry()
    logging: sections.Logging = sections.Logging()
    plugin_sections: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)
    file: Path | None = None

    @property
    def folder(self) -> Path:
        """The base of relative paths: the folder of the settings file, or the current folder."""
        return Path() if self.file is None else self.file.parent

    @model_validator(mode="after")
    def _check_database(self) -> Self:
        if not self.database.url.startswith(("sqlite://", *_POSTGRESQL)):
            msg = "database.url must start with sqlite:// or postgresql://"
            raise ValueError(msg)
        if self.database.listen_url is not None and not self.database.listen_url.startswith(_POSTGRESQL):
            msg = "database.listen_url must start with postgresql://"
            raise ValueError(msg)
        if self.database.schema_name is not None and self.database.url.startswith("sqlite://"):
            msg = "database.schema is for PostgreSQL; leave it out with an SQLite file"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_idempotency(self) -> Self:
        hours, days = self.events.idempotency_hours, self.events.retention_days
        if hours > 24 * days:
            msg = (
                f"events.idempotency_hours is {hours}, but events are kept for {24 * days} hours "
                f"(events.retention_days = {days}), and a repeated request is answered with its event: make one fit the other"
            )
            raise ValueError(msg)
        return self


CORE_SECTIONS = frozenset(Settings.model_fields) - {"plugin_sections", "file"}
