"""Every hook that a plugin may implement.

``register_*`` hooks are plain functions, called once when the hub starts; they return frozen values and do no I/O.
The others run later, may be ``def`` or ``async def``, and are called plugin by plugin under a time limit: one that raises
or hangs stops nobody else. No hook may rely on an order among plugins.
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
    """Give the pydantic model of the plugin's settings section, which has the plugin's name."""


@hookspec
def register_event_types() -> Sequence[EventType]:  # type: ignore[empty-body]
    """Give event types; a name that another plugin gives too is refused for both."""


@hookspec
def register_casters() -> Sequence[Caster]:  # type: ignore[empty-body]
    """Give what leads from one version of an event type to the next and back; see *Versions of event types* in the docs."""


@hookspec
def register_channels(context: PluginContext) -> Sequence[Channel]:  # type: ignore[empty-body]
    """Give channels; a name that another plugin gives too is refused for both."""


@hookspec
def register_connectors() -> Sequence[Connector]:  # type: ignore[empty-body]
    """Give generators of connectors; a name that another plugin gives too is refused for both."""


@hookspec
def register_operations(context: PluginContext) -> Sequence[Operation]:  # type: ignore[empty-body]
    """Say which actions, searches and lookups the plugin carries out; one that another plugin gives too is refused for both."""


@hookspec
def register_commands() -> Sequence[Command]:  # type: ignore[empty-body]
    """Give commands, called as ``trunkline run PLUGIN NAME``."""


@hookspec
def register_routes(context: PluginContext) -> "Sequence[Routes]":  # type: ignore[empty-body]
    """Give routers, mounted under ``/api/v1``. A process that serves nothing does not ask for them."""


@hookspec
def register_portal_pages(context: PluginContext) -> Sequence[PortalPage]:  # type: ignore[empty-body]
    """Give pages of the admin portal, at ``/portal/x/{plugin}/{name}``: each a fragment of HTML in the portal's frame.

    A page may use the portal's classes (``card``, ``table``, ``badge``, ``button``, ``muted``), and has forms if it has a
    function that takes what they send (``PortalPage.submit``). It has no script and no style
    of its own, and ends what it begins; one that does not, raises, or takes longer than five seconds, leaves a box with the
    plugin's name in its place, and the reason in the log.
    """


@hookspec
def register_migrations() -> Sequence[Migrations]:  # type: ignore[empty-body]
    """Give the plugin's migration history; its tables carry the plugin's name as prefix.

    A new database is made in one transaction. In one that is in use, hubs go on working: a revision that only makes tables
    and adds columns and indexes (``op.create_table``, ``op.add_column``, ``op.create_index``, ``op.drop_index``) is
    committed operation by operation, its indexes built concurrently on PostgreSQL. To see that, ``upgrade`` is run
    first without a database. A revision that does anything else (``op.execute``, ``op.get_bind``,
    ``op.batch_alter_table``) is one transaction, which holds its locks to the end: keep it apart from the others,
    and short. Fill the rows of a large table in ``lifespan``, piece by piece.
    """


# ---- called while the hub runs ---------------------------------------------------------------------------------------


@hookspec
def lifespan(context: PluginContext) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]
    """Give what is to be entered when the hub starts and left, in the same task, when it stops."""


@hookspec
def authenticate_request(context: PluginContext, request: BearerRequest) -> Principal | None:
    """Tell whose bearer token a call has, where it is no API key; None for a token that is not yours.

    What you answer is taken as if it were an API key of that company, on every call that takes one; calls are counted by the
    principal's ``key_id``. Raise ``Unauthenticated`` for a token that is yours and is no longer valid, with a sentence that
    says so.
    """


@hookspec
def find_principal(context: PluginContext, principal_id: str) -> Principal | None:
    """Tell who a principal is now that ``authenticate_request`` has given: with the ``key_id`` *principal_id*.

    None where it is not yours, or may do nothing any more. So what lasts longer than a call, such as a subscription of an
    agent, ends with the right to it.
    """


@hookspec
def describe_end(context: PluginContext, principal_id: str) -> Sequence[str]:  # type: ignore[empty-body]
    """Say what of yours ends with a principal, such as a key that somebody is about to revoke: sentences for that person."""


@hookspec
def event_accepted(context: PluginContext, events: Sequence[AcceptedEvent]) -> None:
    """React to events that were stored. Called after the answer was given; nothing can be refused here."""


@hookspec
def attempt_finished(context: PluginContext, attempts: Sequence[FinishedAttempt]) -> None:
    """React to attempts that have ended and were logged."""


@hookspec
def subscription_changed(context: PluginContext, subscription: ChangedSubscription) -> None:
    """React to a subscription that was made, changed, disabled or deleted."""
