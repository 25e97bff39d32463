"""Finds the subscriptions that an event is for.

In: the rows of subscriptions, read again when the routing version changes. Out: a route for each match (subscription, channel, call).
It reads the database; it writes nothing.
"""
