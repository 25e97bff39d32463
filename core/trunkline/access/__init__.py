"""Who may call, and how often: API keys, secrets at rest, rate limits."""
