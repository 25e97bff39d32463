"""The services of subscriptions: made, changed, tried, replayed."""
