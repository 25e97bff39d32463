"""Readers of the log: at the head, and of the stretches that wait after an outage.

In: events of the shards that the worker holds. Out: jobs for ``attempts``, and open positions for ``shards``.
It reads the log; it writes stretches, and deliveries that have no room in memory.
"""
