"""How operators ask the running agent: a Unix socket of its owner's, JSON a line."""
