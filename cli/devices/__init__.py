"""`infrastructor devices`: the list of devices, host keys, and what works at a device."""
