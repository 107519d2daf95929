"""`local`, `demo`."""
