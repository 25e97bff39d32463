"""Actions, searches and lookups: a call is parsed, authorized, carried out by its provider, and answered.

``requests`` reads the call, ``running`` calls the provider and checks its answer, ``service`` opens the transactions.
"""

from trunkline.operations.service import Operations

__all__ = ["Operations"]
