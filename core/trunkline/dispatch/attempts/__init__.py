"""Attempts in memory: from a job to its result.

In: jobs, each with an event and a route, and also a claim if the ledger has the delivery. Out: ended attempts and
deferred deliveries. Slots, gates and limits decide when a job starts; a channel's function makes the attempt. Attempts
do not use the database.
"""
