"""Use cases: what each command does. They return values and print nothing."""
