"""`upload-sample`, `query`, `limits`."""
