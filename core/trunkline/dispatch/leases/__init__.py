"""Leases: which worker holds which shard, or which part of a divided shard.

In: the table of workers and shards, and the locks that live workers hold. Out: changes to the set of owned shards in
``shards``. A shard is marked lost in memory before it is released in the database.
"""
