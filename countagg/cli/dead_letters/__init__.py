"""`dead-letters`."""
