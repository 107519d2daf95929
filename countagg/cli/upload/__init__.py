"""`upload`."""
