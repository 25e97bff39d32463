"""Finds the subscriptions that an event is for.

In: the rows of subscriptions, read again when the routing version changes. Out: a route for each match (subscription, channel,
delivery function). It reads the database and writes nothing.
"""
