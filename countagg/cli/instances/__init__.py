"""The command that shows the instances of a day."""
