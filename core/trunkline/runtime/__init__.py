"""Parts that all services of a process use: time, batches, logs, metrics, fault points."""
