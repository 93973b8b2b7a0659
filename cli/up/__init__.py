"""`infrastructor up`: the whole pipeline as children of one process, and a live view of it."""
