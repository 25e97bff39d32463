"""State of the shards that one worker holds.

In: the worker's leases. Out: for each shard, the position up to which it is read, and the position up to which all deliveries
have ended. It uses no database, no network and no clock but the monotonic one.
"""
