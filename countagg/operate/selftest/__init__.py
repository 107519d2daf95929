"""A whole life of a stack, shown step by step on the user's account."""
