"""Checks of the hub itself (``trunkline doctor`` without a URL): they read, and change nothing."""
