"""The outbox: events are written to your own database in the same transaction as the change that they report.

A relay sends them to the hub from there.

::

    outbox = Outbox(Base.metadata, schemas="schemas")  # its tables are in your migrations

    with Session(engine) as session, session.begin():
        session.add(shipment)
        outbox.emit(session, "shipment.delivered", {"shipment_id": 7})  # committed with the shipment, or neither is

    Relay(engine, "https://hub.example.com", key).run()  # in a thread, a process, or by ``trunkline-relay``

The hub stores every event once. Events of one transaction, and of transactions that follow one another, keep their
order. Transactions that overlap have no order between them.

For Django this is an app: ``"trunkline_client.outbox"`` in ``INSTALLED_APPS`` brings the migration and the command
``trunkline_relay``; emit with ``outbox.emit(django.db.connection, …)``.
"""

import importlib
from typing import TYPE_CHECKING

try:
    from trunkline_client.outbox.emitting import Outbox
    from trunkline_client.outbox.validation import EventInvalid, fetch_schemas
except ModuleNotFoundError as missing:
    _msg = f"the outbox needs {missing.name}: install trunkline-client[sqlalchemy], [django], [psycopg] or [asyncpg]"
    raise ModuleNotFoundError(_msg, name=missing.name) from None

if TYPE_CHECKING:
    from trunkline_client.outbox.relay import Relay

__all__ = ["EventInvalid", "Outbox", "Relay", "fetch_schemas"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:  # an application that only emits does not load the HTTP client
        if name != "Relay":
            msg = f"module 'trunkline_client.outbox' has no attribute '{name}'"
            raise AttributeError(msg)
        return importlib.import_module("trunkline_client.outbox.relay").Relay
