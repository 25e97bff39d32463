"""The services of subscriptions: creating, changing, showing, testing and replaying them."""
