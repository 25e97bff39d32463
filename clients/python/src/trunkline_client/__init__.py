"""A light client of a trunkline hub: blocking (``Client``) and asyncio (``AsyncClient``).

Read the log from your last position on, without end::

    from trunkline_client import Client, PlaceFile

    with Client("https://hub.example.com", key) as hub:
        for event in hub.follow(PlaceFile("place.json"), types=["client.created"]):
            print(event.id, event.payload["email"])

An event counts as handled when the next one is requested; then its position is stored. A program that was killed continues
with the event that it was handling. Fractions are ``Decimal``, with the same digits as in the hub.

The HTTP client is imported when ``Client``, ``AsyncClient`` or ``Jwks`` is first used; a receiver of webhooks does not need it.
"""

import importlib
from typing import TYPE_CHECKING

from trunkline_client.errors import EventQuarantined, HubError, NotGenuine, Refused, Unanswered
from trunkline_client.events import Event, Place, PlaceFile, Places
from trunkline_client.seen import DjangoSeen, MemorySeen, RedisSeen
from trunkline_client.version import __version__
from trunkline_client.webhooks import Receiver, Seen, sign, verify_webhook

if TYPE_CHECKING:
    from trunkline_client.client import AsyncClient, Client
    from trunkline_client.completeness import Completeness
    from trunkline_client.jwks import Jwks

__all__ = [
    "AsyncClient",
    "Client",
    "Completeness",
    "DjangoSeen",
    "Event",
    "EventQuarantined",
    "HubError",
    "Jwks",
    "MemorySeen",
    "NotGenuine",
    "Place",
    "PlaceFile",
    "Places",
    "Receiver",
    "RedisSeen",
    "Refused",
    "Seen",
    "Unanswered",
    "__version__",
    "sign",
    "verify_webhook",
]

_HOMES = {
    "AsyncClient": "client",
    "Client": "client",
    "Completeness": "completeness",
    "Jwks": "jwks",
}

if not TYPE_CHECKING:  # a type checker would accept any name because of it

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            msg = f"module 'trunkline_client' has no attribute '{name}'"
            raise AttributeError(msg)
        return getattr(importlib.import_module(f"trunkline_client.{_HOMES[name]}"), name)
