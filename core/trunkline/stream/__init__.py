"""The way out by page: polling, and how long the log is kept."""
