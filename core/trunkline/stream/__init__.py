"""Pages of the log for clients that poll, and the removal of old events."""
