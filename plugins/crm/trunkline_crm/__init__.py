"""The system of record behind WhiteLabelCRO's actions and searches: leads and clients, their statuses and
notes, affiliates and employees.

A call is handled in ``clients``, ``notes``, ``affiliates``, ``searches``, ``lists`` or ``lookups`` → ``fields``,
``statuses``, ``phones`` (rules) → ``store`` (SQL). The result is an answer (``shown``) with its events (``emitted``).
The hub stores both in one transaction.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline import CompanyRows, Migrations, Operation, PluginContext, hookimpl
from trunkline_crm import lists, lookups, searches
from trunkline_crm.affiliates import AffiliateActions
from trunkline_crm.clients import ClientActions
from trunkline_crm.notes import NoteActions

if TYPE_CHECKING:
    from trunkline.routes import Routes

_OF_COMPANIES = tuple(
    CompanyRows(f"crm_{name}") for name in ("notes", "clients", "affiliates", "employees", "statuses")
)


@hookimpl
def register_operations(context: PluginContext) -> Sequence[Operation]:
    """Return the actions, the searches (by key, by number, and lists) and the lookups."""
    now_ms = context.clock.now_ms
    clients, notes, affiliates = ClientActions(now_ms), NoteActions(now_ms), AffiliateActions(now_ms)
    return [
        Operation("create_lead", clients.create_lead),
        Operation("update_lead", clients.update_lead, takes_if_match=True),
        Operation("update_lead_status", clients.update_lead_status, takes_if_match=True),
        Operation("create_client", clients.create_client),
        Operation("update_client", clients.update_client, takes_if_match=True),
        Operation("update_client_status", clients.update_client_status, takes_if_match=True),
        Operation("archive_client", clients.archive_client, takes_if_match=True),
        Operation("restore_client", clients.restore_client),
        Operation("add_client_note", notes.add_client_note),
        Operation("delete_client_note", notes.delete_client_note),
        Operation("create_affiliate", affiliates.create_affiliate),
        Operation("update_affiliate", affiliates.update_affiliate, takes_if_match=True),
        Operation("find_client", searches.find_client),
        Operation("find_lead", searches.find_lead),
        Operation("get_client", lists.get_client),
        Operation("get_lead", lists.get_lead),
        Operation("get_affiliate", lists.get_affiliate),
        Operation("list_clients", lists.list_clients),
        Operation("list_leads", lists.list_leads),
        Operation("list_affiliates", lists.list_affiliates),
        Operation("list_client_notes", lists.list_client_notes),
        Operation("clients", lookups.list_clients),
        Operation("employees", lookups.list_employees),
        Operation("affiliates", lookups.list_affiliates),
        Operation("client-statuses", lookups.list_client_statuses),
    ]


@hookimpl
def register_routes(context: PluginContext) -> "Sequence[Routes]":
    """Return the route that adds employees."""
    from trunkline.routes import Routes  # noqa: PLC0415
    from trunkline_crm.routes import make_router  # noqa: PLC0415

    return [Routes(make_router(context), prefix="/integrations/employees")]


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Return the history of the plugin's tables."""
    return [Migrations("trunkline_crm:migrations", of_companies=_OF_COMPANIES)]
