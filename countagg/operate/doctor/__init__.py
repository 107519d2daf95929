"""Whether countagg can work here."""
