"""Derivations: pure cores that turn events into events, and the Faust worker that runs them on the log."""
