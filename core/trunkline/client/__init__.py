"""The light client, ``trunkline_client`` under another name; it is also a separate distribution (``clients/python``)."""

from trunkline_client import (
    AsyncClient,
    Client,
    Event,
    EventQuarantined,
    HubError,
    NotGenuine,
    Place,
    PlaceFile,
    Places,
    Refused,
    Unanswered,
    verify_webhook,
)

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
    "Refused",
    "Unanswered",
    "verify_webhook",
]
