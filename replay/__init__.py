"""The log read again by the same pure cores in a batch shell: backfill, verify, dead letters put back."""
