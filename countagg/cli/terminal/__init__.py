"""What a terminal is given: tables, charts, progress, streams that may end at any time."""
