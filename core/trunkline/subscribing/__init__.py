"""The services of subscriptions: created, changed, shown, tried, replayed."""
