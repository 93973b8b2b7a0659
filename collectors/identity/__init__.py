"""The `identity` collector: what a device is. README.md is its contract."""
