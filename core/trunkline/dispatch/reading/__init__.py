"""Readers of the log: one at the head, and one for stretches (older ranges that were skipped after an outage).

In: events of the shards that the worker holds. Out: jobs for ``attempts``, and open positions for ``shards``. The
readers read the log. They write only stretches, and deliveries that do not fit into memory.
"""
