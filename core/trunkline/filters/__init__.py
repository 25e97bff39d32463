"""Filters: the conditions of a subscription beyond the event types."""
