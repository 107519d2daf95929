"""One module a kind of resource: how it is read, created, updated and deleted."""
