"""Every hook that a plugin may implement.

``register_*`` hooks are plain functions, called once when the hub starts; they return frozen values and do no I/O.
The others run later and may be ``def`` or ``async def``. They are called plugin by plugin under a time limit, and a hook that
raises or hangs does not affect the other plugins. A ``SettingsInvalid`` that a plugin raises at the start stops the hub. No
hook may rely on the order of plugins.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import pluggy
from pydantic import BaseModel

from trunkline.contract import (
    AcceptedEvent,
    BearerRequest,
    ChangedSubscription,
    Channel,
    Command,
    Connector,
    FinishedAttempt,
    Migrations,
    Operation,
    PluginContext,
    PortalPage,
)
from trunkline.model.principals import Principal
from trunkline.schemas.catalog import EventType
from trunkline.schemas.versions import Caster

if TYPE_CHECKING:
    from trunkline.contract import Routes  # which loads the web framework

PROJECT = "trunkline"
HOOK_API = 2
"""The generation of the hook API."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

# ---- called once, at start -------------------------------------------------------------------------------------------


@hookspec
def register_settings() -> type[BaseModel]:  # type: ignore[empty-body]
    """Return the pydantic model of the plugin's settings section, which has the plugin's name."""


@hookspec
def register_event_types() -> Sequence[EventType]:  # type: ignore[empty-body]
    """Return event types; if two plugins use the same name, both types are refused."""


@hookspec
def register_casters() -> Sequence[Caster]:  # type: ignore[empty-body]
    """Return conversions between successive versions of an event type, in both directions."""


@hookspec
def register_channels(context: PluginContext) -> Sequence[Channel]:  # type: ignore[empty-body]
    """Return channels; if two plugins use the same name, both channels are refused."""


@hookspec
def register_connectors() -> Sequence[Connector]:  # type: ignore[empty-body]
    """Return objects that each generate a connector; if two plugins use the same name, both are refused."""


@hookspec
def register_operations(context: PluginContext) -> Sequence[Operation]:  # type: ignore[empty-body]
    """Return the operations (actions, searches, lookups) that the plugin implements.

    If two plugins implement the same operation, both are refused.
    """


@hookspec
def register_commands() -> Sequence[Command]:  # type: ignore[empty-body]
    """Return commands, which users call as ``trunkline run PLUGIN NAME``."""


@hookspec
def register_routes(context: PluginContext) -> "Sequence[Routes]":  # type: ignore[empty-body]
    """Return routers, which are mounted under ``/api/v1``. Only a process that serves HTTP calls this hook."""


@hookspec
def register_portal_pages(context: PluginContext) -> Sequence[PortalPage]:  # type: ignore[empty-body]
    """Return pages of the admin portal, at ``/portal/x/{plugin}/{name}``.

    Each page is an HTML fragment in the portal's frame.

    A page may use the portal's classes (``card``, ``table``, ``badge``, ``button``, ``muted``). It may have forms if it
    has a function that handles them (``PortalPage.submit``). It must not have scripts or styles, and must close its
    elements. A page that breaks these rules, raises, or takes longer than five seconds is replaced by a box with the
    plugin's name; the log has the reason.
    """


@hookspec
def register_migrations() -> Sequence[Migrations]:  # type: ignore[empty-body]
    """Return the plugin's migration history; the names of its tables begin with the plugin's name.

    A new database is made in one transaction. In a database that is in use, hubs continue to work during a migration. A
    revision that only makes tables and adds columns and indexes (``op.create_table``, ``op.add_column``,
    ``op.create_index``, ``op.drop_index``) is committed operation by operation, and PostgreSQL builds its indexes
    concurrently. To find such revisions, ``upgrade`` is first run without a database. A revision that does anything else
    (``op.execute``, ``op.get_bind``, ``op.batch_alter_table``) is one transaction, which holds its locks to the end: keep
    it short, and separate from the others. Fill the rows of a large table in ``lifespan``, in small steps.
    """


# ---- called while the hub runs ---------------------------------------------------------------------------------------


@hookspec
def lifespan(context: PluginContext) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]
    """Return a context manager that the hub enters when it starts, and leaves in the same task when it stops."""


@hookspec
def authenticate_request(context: PluginContext, request: BearerRequest) -> Principal | None:
    """Find the principal of a call's bearer token that is not an API key; None if the token is not yours.

    Every call that takes an API key accepts the principal in the same way as that of an API key. The calls of the
    principal are counted by its ``key_id``. For a token of yours that is no longer valid, raise ``Unauthenticated``
    with a sentence that says so.
    """


@hookspec
def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Find the current state of a principal that ``authenticate_request`` has given; *principal_id* is its ``key_id``.

    Return None if the principal is not yours or has lost its access. A long-lived object of the principal, such as a
    subscription of an agent, ends when the principal loses access.
    """


@hookspec
def describe_end(context: PluginContext, principal_id: str) -> Sequence[str]:  # type: ignore[empty-body]
    """List the objects of the plugin that end when a principal, such as a key, is revoked.

    Each entry is a sentence for the person who is about to revoke the principal.
    """


@hookspec
def event_accepted(context: PluginContext, events: Sequence[AcceptedEvent]) -> None:
    """React to events that were stored. It is called after the answer was sent, so it cannot refuse an event."""


@hookspec
def attempt_finished(context: PluginContext, attempts: Sequence[FinishedAttempt]) -> None:
    """React to attempts that have ended and were logged."""


@hookspec
def subscription_changed(context: PluginContext, subscription: ChangedSubscription) -> None:
    """React to a subscription that was made, changed, disabled or deleted."""
