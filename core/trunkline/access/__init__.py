"""Access to the hub: API keys, secrets at rest, rate limits."""
