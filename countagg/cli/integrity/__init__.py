"""`verify`, `repair`, `explain`."""
