"""Deliveries as rows: written when attempts end, claimed when they are due.

In: ended attempts from ``attempts``. Out: jobs for due deliveries (retries, paced and ordered deliveries, replays). Only the
settlement moves cursors, in the transaction that writes the results.
"""
