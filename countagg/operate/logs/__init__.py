"""What the functions wrote."""
