"""Work on subscriptions beside deliveries, in small transactions.

In: notes and due times in the database. Out: subscriptions that end or are disabled, receivers told of gaps, operational events.
No delivery waits for this work.
"""
