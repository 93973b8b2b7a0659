"""Devices over SSH: one connection each, checked host keys, bounded sessions. Not loaded where there are none."""
