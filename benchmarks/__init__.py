"""Benchmarks that anyone can repeat: ``make bench``. Every figure is a ratio against a baseline from the same run."""
