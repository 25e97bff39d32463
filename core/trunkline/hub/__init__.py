"""Builds and starts everything that one process shares."""
