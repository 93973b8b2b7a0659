"""The `system` collector: what the kernel says of the machine in /proc and /sys. README.md is its contract."""
