"""The processes that keep projections of the log, or tell people: one folder a sink."""
