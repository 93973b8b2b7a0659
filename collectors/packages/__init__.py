"""Updates that wait, and whether a reboot is due."""
