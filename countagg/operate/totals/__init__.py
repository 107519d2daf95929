"""Totals of days, their history and limits, and uploads of test counters."""
