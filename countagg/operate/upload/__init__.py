"""What an instance uploads: counters out of files and exporters, and what was added to them since midnight."""
