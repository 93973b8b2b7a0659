"""The log read again by the same pure cores in a batch shell: backfill, rebuild, verify, backtest, redrive."""
