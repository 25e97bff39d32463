"""Reads for people: overview, activity, delivery log, status, audit."""
