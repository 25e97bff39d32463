"""trunkline: one stream of business events, and every way that customers take it.

This module has the names for channels, actions and event types; ``trunkline.pages`` has those for pages and connectors,
``trunkline.routes`` those for routes. A plugin imports only these three modules and ``trunkline.testing``. Each name is
imported at its first use, so ``import trunkline.client`` imports neither the web framework nor the database.
"""

from typing import TYPE_CHECKING

from trunkline.lazy_names import load, read_homes

if TYPE_CHECKING:
    from trunkline.contract import (
        Answer,
        Batch,
        Call,
        Channel,
        CompanyRows,
        EmittedEvent,
        HttpClient,
        Migrations,
        Network,
        Operation,
        PluginContext,
        Push,
        Target,
    )
    from trunkline.contract.hookspecs import HOOK_API, hookimpl
    from trunkline.contract.targets import SecretUrl, Url
    from trunkline.errors import AddressRefused, BodyInvalid, FieldError, NotFound, Refused
    from trunkline.model.deliveries import Outcome, Result
    from trunkline.outbound.push import deliver as deliver_by_http
    from trunkline.outbound.push import post as post_by_http
    from trunkline.schemas.catalog import EventType, Json
    from trunkline.schemas.definitions import Definition, read_definition
    from trunkline.schemas.versions import Caster
    from trunkline.targets.signatures import Signer
    from trunkline.version import __version__

__all__ = [
    "HOOK_API",
    "AddressRefused",
    "Answer",
    "Batch",
    "BodyInvalid",
    "Call",
    "Caster",
    "Channel",
    "CompanyRows",
    "Definition",
    "EmittedEvent",
    "EventType",
    "FieldError",
    "HttpClient",
    "Json",
    "Migrations",
    "Network",
    "NotFound",
    "Operation",
    "Outcome",
    "PluginContext",
    "Push",
    "Refused",
    "Result",
    "SecretUrl",
    "Signer",
    "Target",
    "Url",
    "__version__",
    "deliver_by_http",
    "hookimpl",
    "post_by_http",
    "read_definition",
]

_HOMES = {
    "trunkline.contract": (
        "Answer Batch Call Channel CompanyRows EmittedEvent "
        "HttpClient Migrations Network Operation PluginContext Push Target"
    ),
    "trunkline.contract.hookspecs": "HOOK_API hookimpl",
    "trunkline.contract.targets": "SecretUrl Url",
    "trunkline.errors": "AddressRefused BodyInvalid FieldError NotFound Refused",
    "trunkline.model.deliveries": "Outcome Result",
    "trunkline.outbound.push": "deliver:deliver_by_http post:post_by_http",
    "trunkline.schemas.catalog": "EventType Json",
    "trunkline.schemas.definitions": "Definition read_definition",
    "trunkline.schemas.versions": "Caster",
    "trunkline.targets.signatures": "Signer",
    "trunkline.version": "__version__",
}
_HOME_OF = read_homes(_HOMES)

if not TYPE_CHECKING:  # a type checker that sees it would accept any name

    def __getattr__(name: str) -> object:
        return load(name, of="trunkline", homes=_HOME_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
