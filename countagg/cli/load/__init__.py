"""`loadtest`."""
