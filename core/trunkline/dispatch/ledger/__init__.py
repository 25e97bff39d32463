"""Deliveries as rows of the ledger. A row is written when an attempt ends, and claimed when the delivery is due.

In: ended attempts from ``attempts``. Out: jobs for due deliveries (retries, paced and ordered deliveries, replays). Only the
settlement moves cursors, in the transaction that writes the results.
"""
