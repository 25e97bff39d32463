"""Builds and starts the services of one process."""
