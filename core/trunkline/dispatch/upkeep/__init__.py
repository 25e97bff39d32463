"""Work on subscriptions apart from deliveries, in small transactions.

In: notes and due times in the database. Out: subscriptions that lapse or are disabled, gaps that are reported to receivers,
operational events. No delivery waits for this work.
"""
