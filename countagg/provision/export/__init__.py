"""A stack written down for other tools: the same desired states that `setup` brings about."""
