"""Actions, searches and lookups: a call is read, allowed, carried out by its provider, and answered.

``requests`` reads what a caller sent, ``running`` calls the provider and checks its answer, ``service`` decides what is one
transaction.
"""

from trunkline.operations.service import Operations

__all__ = ["Operations"]
