"""Whether totals equal the files: verify, explain, repair."""
