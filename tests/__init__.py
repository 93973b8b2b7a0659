"""The tests; a package so that `tests.conftest` has one name."""
