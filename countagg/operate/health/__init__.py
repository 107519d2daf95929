"""How each hop of a stack is doing."""
