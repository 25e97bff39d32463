"""Work on subscriptions that is not part of delivering, in small transactions.

In: noted changes and due times in the database. Out: subscriptions that lapse or are disabled, gaps that are reported
to receivers, operational events. No delivery waits for this work.
"""
