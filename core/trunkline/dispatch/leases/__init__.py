"""Leases: which worker holds which shard, or part of a divided one.

In: the table of workers and shards, and the locks that living workers hold. Out: shards that are added to, or taken from, ``shards``.
A shard is marked lost in memory before it is released in the database.
"""
