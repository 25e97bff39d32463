"""The light client, which is a distribution of its own too (``clients/python``): ``trunkline_client`` by another name."""

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
