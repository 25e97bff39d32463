"""What a subscription asks of an event beyond its type."""
