"""systemd units and timers: their states, results, restarts, what they use."""
