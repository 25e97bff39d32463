"""A client of a trunkline hub, for programs that take events and act: blocking (``Client``) and asyncio (``AsyncClient``).

Follow the log from where you stopped, for ever::

    from trunkline.client import Client, PlaceFile

    with Client("https://hub.example.com", key) as hub:
        for event in hub.follow(PlaceFile("place.json"), types=["client.created"]):
            print(event.id, event.payload["email"])

An event counts as handled when the next one is asked for; then its place is stored. A program that is killed goes on with
the event that it was at. Numbers with a fraction are ``Decimal``, with the digits that the hub has.
"""

from trunkline.client.asynchronous import AsyncClient
from trunkline.client.blocking import Client
from trunkline.client.errors import EventQuarantined, HubError, NotGenuine
from trunkline.client.events import Event, Place, PlaceFile, Places, verify_webhook

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "EventQuarantined",
    "HubError",
    "NotGenuine",
    "Place",
    "PlaceFile",
    "Places",
    "verify_webhook",
]
