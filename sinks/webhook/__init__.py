"""The sink that tells programs: each requested notification, as the event it is, posted to an address and signed."""
