"""Parts that every service of a process uses: time, batches, logs, metrics, fault points."""
