"""Report: all that there is to tell of a day, and how the stack is."""
