"""The system of record behind WhiteLabelCRO's actions and searches (CONTRACT §8, §9): leads and clients, their statuses and
notes, affiliates and employees.

A call goes ``clients``, ``notes``, ``affiliates``, ``searches``, ``lists`` or ``lookups`` → ``fields``, ``statuses``, ``phones``
(rules) → ``store`` (SQL), and comes back as an answer (``shown``) with its events (``emitted``). The hub stores both in one transaction.
"""

from collections.abc import Sequence

from trunkline import Action, CompanyRows, Lookup, Migrations, PluginContext, Routes, Search, hookimpl
from trunkline_crm import lists, lookups, searches
from trunkline_crm.affiliates import AffiliateActions
from trunkline_crm.clients import ClientActions
from trunkline_crm.notes import NoteActions
from trunkline_crm.routes import make_router

_OF_COMPANIES = tuple(
    CompanyRows(f"crm_{name}") for name in ("notes", "clients", "affiliates", "employees", "statuses")
)


@hookimpl
def register_actions(context: PluginContext) -> Sequence[Action]:
    """Give the actions."""
    now_ms = context.clock.now_ms
    clients, notes, affiliates = ClientActions(now_ms), NoteActions(now_ms), AffiliateActions(now_ms)
    return [
        Action("create_lead", clients.create_lead),
        Action("update_lead", clients.update_lead),
        Action("update_lead_status", clients.update_lead_status),
        Action("create_client", clients.create_client),
        Action("update_client", clients.update_client),
        Action("update_client_status", clients.update_client_status),
        Action("archive_client", clients.archive_client),
        Action("restore_client", clients.restore_client),
        Action("add_client_note", notes.add_client_note),
        Action("delete_client_note", notes.delete_client_note),
        Action("create_affiliate", affiliates.create_affiliate),
        Action("update_affiliate", affiliates.update_affiliate),
    ]


@hookimpl
def register_searches() -> Sequence[Search]:
    """Give the searches: by key, by number, and lists."""
    return [
        Search("find_client", searches.find_client),
        Search("find_lead", searches.find_lead),
        Search("get_client", lists.get_client),
        Search("get_lead", lists.get_lead),
        Search("get_affiliate", lists.get_affiliate),
        Search("list_clients", lists.list_clients),
        Search("list_leads", lists.list_leads),
        Search("list_affiliates", lists.list_affiliates),
        Search("list_client_notes", lists.list_client_notes),
    ]


@hookimpl
def register_lookups() -> Sequence[Lookup]:
    """Give the four lookups."""
    return [
        Lookup("clients", lookups.list_clients),
        Lookup("employees", lookups.list_employees),
        Lookup("affiliates", lookups.list_affiliates),
        Lookup("client-statuses", lookups.list_client_statuses),
    ]


@hookimpl
def register_routes(context: PluginContext) -> Sequence[Routes]:
    """Give the route that adds employees."""
    return [Routes(make_router(context), prefix="/integrations/employees")]


@hookimpl
def register_migrations() -> Sequence[Migrations]:
    """Give the history of the plugin's tables."""
    return [Migrations("trunkline_crm:migrations", of_companies=_OF_COMPANIES)]
