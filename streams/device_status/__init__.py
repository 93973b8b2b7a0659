"""device_status: what a device's looks say about it: unknown, online, degraded, offline, retired."""
