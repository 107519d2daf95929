"""What all commands share: options, settings files, the session, completion, and the list of commands."""
