"""The command line: options, questions, rendering. What a command does is in `operate` and `local`."""
