"""Connectors: how to set up each platform, the company's hooks on the platform, and the generated files as a zip."""

import asyncio
import contextlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends
from msgspec import Struct
from starlette.responses import Response

from trunkline import NotFound
from trunkline.pages import Connector, Product
from trunkline.routes import IssuerUnavailable
from trunkline_portal.access import (
    ADMIN,
    INTEGRATIONS_READ,
    WEBHOOKS_READ,
    Integrates,
    RequiresScope,
    Viewer,
)
from trunkline_portal.pages.catalogue import docs_url
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import EITHER, Table, get

Downloads = Annotated[Viewer, Depends(RequiresScope(INTEGRATIONS_READ, company="optional"))]
LISTED = 5
"""Limit of hooks listed on a card."""
_ZIPPED = (1980, 1, 1, 0, 0, 0)
"""The oldest date that a zip can hold, used for every file of a download."""


class Card(Struct, frozen=True):
    """One connector, with the *state* of its plugin, and the company's *hooks*, or None if the viewer may not see the hooks."""

    connector: Connector
    state: str | None
    hooks: Sequence[Mapping[str, Any]] | None

    @property
    def newest(self) -> Sequence[Mapping[str, Any]]:
        """Return the hooks that the card lists."""
        return list(self.hooks or ())[::-1][:LISTED]


class ConnectorPages(Pages):
    """The list of connectors, and their downloads."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(portal)
        self._deployment = portal.context.deployment
        self._making = asyncio.Lock()
        self._made: dict[str, tuple[Product, bytes]] = {}
        """The cached zip of each connector, with the product that it was made from."""

    async def show(self, viewer: Integrates) -> Response:
        """Show the list."""
        platforms_first = sorted(
            self._deployment.connectors(), key=lambda connector: connector.channel is None
        )
        return self._portal.render(
            viewer,
            "connectors.html",
            cards=await self._cards(viewer, platforms_first),
            may_download=viewer.has(INTEGRATIONS_READ),
            may_make_keys=viewer.has(ADMIN) and viewer.chosen_company_id is not None,
            docs=docs_url(self._portal),
        )

    async def show_connecting(self, viewer: Integrates, name: str) -> Response:
        """Show a customer how to use a platform with an account of their own. Raises NotFound."""
        connector = next(
            (each for each in self._deployment.connectors() if each.name == name and each.connecting), None
        )
        if connector is None:
            raise NotFound("connector", name)
        return self._portal.render(
            viewer,
            "connecting.html",
            card=(await self._cards(viewer, [connector]))[0],
            may_make_keys=viewer.has(ADMIN) and viewer.chosen_company_id is not None,
        )

    async def download(self, viewer: Downloads, name: str) -> Response:  # noqa: ARG002 - asks for the scope
        """Send a connector's files as a zip."""
        if not any(connector.name == name for connector in self._deployment.connectors()):
            raise NotFound("connector", name)
        with contextlib.suppress(IssuerUnavailable):  # a connector may name no endpoints
            await self._deployment.look_up_issuer()
        async with self._making:
            content = await asyncio.to_thread(self._archive, name)
        file = f"{self._deployment.brand.slug}-{name}.zip"
        return Response(
            content,
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{file}"'},
        )

    def _archive(self, name: str) -> bytes:
        """Return a connector's zip, cached until the product changes: making it blocks the interpreter for some 100 ms."""
        product = self._deployment.product()
        made = self._made.get(name)
        if made is None or made[0] != product:
            made = self._made[name] = product, zipped(self._deployment.connector_files(name))
        return made[1]

    async def _cards(self, viewer: Viewer, connectors: Sequence[Connector]) -> list[Card]:
        states = {plugin["name"]: plugin["state"] for plugin in self._deployment.plugins()}
        listed = None
        if viewer.has(WEBHOOKS_READ) and viewer.chosen_company_id is not None:
            listed = await self._context.subscriptions.list(viewer.company_id, channel=None)
        cards: list[Card] = []
        for connector in connectors:
            hooks = None
            if listed is not None and connector.channel is not None:
                hooks = [each for each in listed if each["channel"] == connector.channel]
            cards.append(Card(connector, states.get(connector.channel or connector.name), hooks))
        return cards


ROUTES = Table(
    ConnectorPages,
    get("/connectors", ConnectorPages.show),
    get("/connectors/{name}.zip", ConnectorPages.download),
    get("/connectors/{name}", ConnectorPages.show_connecting),
    below=EITHER,
)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Make a zip of *files*, sorted by path; the same content always gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _ZIPPED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr, entry.create_system = 0o100644 << 16, 3  # a plain file, from Unix
            archive.writestr(entry, files[path])
    return buffer.getvalue()
