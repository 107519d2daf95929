"""Totals and health for monitoring systems, in the formats that Prometheus reads."""
