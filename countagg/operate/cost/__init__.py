"""What a stack costs: reckoned for a fleet, measured, and at worst."""
