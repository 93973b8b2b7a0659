"""Interfaces, addresses, routes, neighbours and listening sockets."""
