"""The settings of a deployment: sections, types of values, and reading them."""

from trunkline.settings.issuers import (
    AppIssuer,
    CompanyClaimIs,
    OptionalTokenIssuer,
    TokenIssuer,
    UnknownCompanies,
)
from trunkline.settings.loading import DEFAULT_FILE, ENVIRONMENT_PREFIX, describe, load
from trunkline.settings.sections import (
    Auth,
    Brand,
    Companies,
    Connectors,
    Database,
    Delivery,
    Events,
    Limits,
    Logging,
    Metrics,
    Plugins,
    Product,
    Section,
    Server,
    Validation,
)
from trunkline.settings.settings import CORE_SECTIONS, Settings
from trunkline.settings.values import Names, Seconds

__all__ = [
    "CORE_SECTIONS",
    "DEFAULT_FILE",
    "ENVIRONMENT_PREFIX",
    "AppIssuer",
    "Auth",
    "Brand",
    "Companies",
    "CompanyClaimIs",
    "Connectors",
    "Database",
    "Delivery",
    "Events",
    "Limits",
    "Logging",
    "Metrics",
    "Names",
    "OptionalTokenIssuer",
    "Plugins",
    "Product",
    "Seconds",
    "Section",
    "Server",
    "Settings",
    "TokenIssuer",
    "UnknownCompanies",
    "Validation",
    "describe",
    "load",
]
