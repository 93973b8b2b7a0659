"""Looking at the database that holds the projections: what is wrong, how large it is, what was asked of it."""
