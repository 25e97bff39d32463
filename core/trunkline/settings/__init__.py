"""The settings of a deployment: sections, types of values, and reading them."""

from trunkline.settings.issuers import (
    AppIssuer,
    CompanyClaimIs,
    OptionalTokenIssuer,
    TokenIssuer,
    UnknownCompanies,
)
from trunkline.settings.loading import ENVIRONMENT_PREFIX, describe, load
from trunkline.settings.sections import (
    Auth,
    Brand,
    Companies,
    Database,
    Delivery,
    Limits,
    Logging,
    Plugins,
    Section,
    Server,
    Validation,
)
from trunkline.settings.settings import CORE_SECTIONS, Settings
from trunkline.settings.values import Names, Seconds

__all__ = [
    "CORE_SECTIONS",
    "ENVIRONMENT_PREFIX",
    "AppIssuer",
    "Auth",
    "Brand",
    "Companies",
    "CompanyClaimIs",
    "Database",
    "Delivery",
    "Limits",
    "Logging",
    "Names",
    "OptionalTokenIssuer",
    "Plugins",
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
