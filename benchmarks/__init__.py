"""Figures, by `make bench`; each module also runs by itself."""
