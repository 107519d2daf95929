"""A stack: plan, setup, teardown, and what it offers to others."""
