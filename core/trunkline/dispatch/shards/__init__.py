"""State of the shards that one worker holds.

In: the worker's leases. Out: for each shard, the position it is read to and the position up to which all has ended.
It touches no database, no network and no clock but the monotonic one.
"""
