"""A made-up fleet's load on a stack, and what comes of it."""
