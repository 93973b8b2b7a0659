"""Containers as Docker and Podman show them: what there is, how it is, what it uses."""
