"""Compose files: the services, images, ports, volumes and networks that a host is meant to have."""
