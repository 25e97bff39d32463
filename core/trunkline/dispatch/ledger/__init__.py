"""Deliveries as rows of the ledger, which are written when an attempt ends or cannot begin.

In: ended attempts and deferred deliveries from ``attempts``. Out: rows, which ``lanes`` claim when they are due. Only the settlement
moves cursors, in the transaction that writes the results.
"""
