"""Reports about apps and their connections: operational events and entries of the audit log."""

from typing import TYPE_CHECKING, Any

from trunkline.routes import Journal, Principal
from trunkline_oauth.model import App, Connection

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

CONNECTED, DISCONNECTED = "app.connected", "app.disconnected"


async def tell_connection(
    journal: Journal,
    connection: "AsyncConnection",
    event_type: str,
    owner: Connection,
    *,
    by: Principal | None,
) -> None:
    """Report that a connection was made or has ended; *by* is None if the hub or the app ended the connection."""
    consent = owner.consent
    maker = {"kind": consent.granted_by_kind, "id": consent.granted_by} if consent.granted_by_kind else None
    ended_by = None if by is None else {"kind": by.kind, "id": by.id}
    facts: dict[str, Any] = {
        "connection_id": owner.id,
        "app": owner.app_name,
        "by": maker if event_type == CONNECTED else ended_by,
    }
    granted = {"app": owner.app_name, "client_id": consent.client_id, "scopes": list(consent.scopes)}
    if event_type == CONNECTED:
        facts["scopes"] = list(consent.scopes)
        journal.note(event_type, owner.id, company_id=consent.company_id, after={**granted, "by": maker})
    else:
        journal.note(event_type, owner.id, company_id=consent.company_id, before=granted)
    await journal.tell(connection, event_type, company_id=consent.company_id, facts=facts)


def describe(app: App) -> dict[str, object]:
    """Describe an app for the audit log."""
    return {
        "name": app.name,
        "redirect_uris": list(app.redirect_uris),
        "scopes": list(app.scopes),
        "jwks": app.jwks,
        "jwks_uri": app.jwks_uri,
        "secret": app.secret_digest,
    }
