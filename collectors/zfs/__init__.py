"""ZFS pools: their state, devices, scrubs and datasets, and the cache in memory."""
