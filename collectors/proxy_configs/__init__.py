"""Proxy configurations of SWAG and nginx: which names lead to which application, behind which login."""
