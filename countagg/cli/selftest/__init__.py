"""`selftest`."""
