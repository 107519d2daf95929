"""The operator's side of AWS: sessions, error translation, waiting, and one file a service with its kinds."""
