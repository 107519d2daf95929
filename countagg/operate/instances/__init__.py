"""Instances: when each uploaded last, and what its file holds."""
