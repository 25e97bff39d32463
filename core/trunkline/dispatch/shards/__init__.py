"""State of the shards that one worker holds.

In: the leases that it has. Out: for each shard how far it is read and how far everything before a position has ended.
It touches no database, no network and no clock but the monotonic one.
"""
