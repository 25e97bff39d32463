"""Pages of the log for clients who poll, and the removal of old events."""
