"""Services for commands that need only the database. They load no plugin, no API and no validator.

With a whole hub (``opening``) a command takes twice the CPU, nearly all of it for imports.
"""

import contextlib
from collections.abc import AsyncGenerator

from msgspec import Struct

from trunkline.access.companies import Companies
from trunkline.access.company_limits import CompanyLimits
from trunkline.access.keys import Keys
from trunkline.access.secret_checks import SecretChecks
from trunkline.access.vault import Vault
from trunkline.cli.connecting import ready
from trunkline.insight.journal import Journal
from trunkline.model.principals import OPERATOR, Principal
from trunkline.runtime import callers
from trunkline.schemas import entry_points
from trunkline.settings import Settings
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory

PLUGINS = "trunkline"
"""The entry-point group of plugins, and the distribution of the built-in plugins."""

HERE = Principal("", None, "the command line", frozenset({OPERATOR}))
"""The principal of commands."""


class Desk(Struct, frozen=True, kw_only=True):
    """Services over one database. They cannot delete companies, because plugins with rows of companies are not loaded."""

    database: Database
    vault: Vault
    directory: CompanyDirectory
    limits: CompanyLimits
    companies: Companies
    keys: Keys
    journal: Journal


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, makes_keys: bool = False) -> AsyncGenerator[Desk]:
    """Open a desk for one command, without migrating the database.

    The desk can make keys only if *makes_keys* is set, because keys need the product's schemas.

    Raises:
        SettingsInvalid: a section of the settings is unknown, the secrets do not belong to the database, there is no database
        yet, or its schema is older than this version.
        SchemaInvalid: *makes_keys* is set, and a schema is not usable.
        DatabaseUnfit, StoreUnavailable
    """
    if settings.plugin_sections:
        names = {entry.name for entry in entry_points.installed(PLUGINS)}
        if not settings.plugin_sections.keys() <= names:
            from trunkline.cli import opening  # noqa: PLC0415 - which imports this module

            opening.inspected(settings)  # which also knows plugins in files, and names an unknown section
    callers.act_for(HERE)
    async with ready(settings) as database:
        await database.check_pooler()
        vault = Vault.open(settings.auth, settings.database.url)
        secret_checks = SecretChecks(database, vault)
        await secret_checks.verify()
        await secret_checks.write_missing()
        most = settings.delivery.max_subscriptions
        limits = CompanyLimits(database, settings.companies, max_subscriptions=most)
        directory = CompanyDirectory(database)
        prefix, pins = "", dict[str, int]()
        if makes_keys:
            from trunkline.hub.catalogs import load_catalog  # noqa: PLC0415 - here, as schemas take validators
            from trunkline.hub.products import key_prefix_of  # noqa: PLC0415
            from trunkline.ingest.event_types import RegisteredTypes  # noqa: PLC0415
            from trunkline.schemas.versions import pins_of  # noqa: PLC0415

            catalog = load_catalog(settings)
            await RegisteredTypes(database, catalog).refresh()
            prefix, pins = key_prefix_of(settings), pins_of(catalog)
        yield Desk(
            database=database,
            vault=vault,
            directory=directory,
            limits=limits,
            companies=Companies(database, limits=limits, directory=directory, plugins=tuple),
            keys=Keys(database, vault=vault, prefix=prefix, limits=limits, pins=lambda: pins),
            journal=Journal(database),
        )


def has_only_own_plugins(settings: Settings) -> bool:
    """Return whether all plugins are trunkline's own, which add no event types, casters or channels with targets."""
    brought_by = {distribution.name for distribution in entry_points.declaring(PLUGINS)}
    return brought_by <= {PLUGINS} and not settings.plugins.paths
