"""Tools for people who write rules: what is wrong with a file, and tests of rules in virtual time."""
