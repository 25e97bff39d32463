"""State of the shards that one worker holds.

In: the worker's leases. Out: for each shard, the position up to which it is read, and the position up to which all
deliveries have ended. This package uses no database and no network, and only the monotonic clock.
"""
