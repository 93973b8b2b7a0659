"""What the operators' commands stand on: who speaks, what is said, how the log is read and shown."""
