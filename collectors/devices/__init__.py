"""Which devices an agent watches: devices.yaml, its lines named in errors, its comments kept in edits, followed."""
