"""countagg: sets up, operates and tears down a counter aggregation pipeline on AWS.

This file goes into the functions' zip too, so it imports nothing.
"""

__version__ = "0.1.0"
