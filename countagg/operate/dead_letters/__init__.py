"""What failed for good, and its way back."""
