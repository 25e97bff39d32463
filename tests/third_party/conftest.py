"""Third-party distributions: their tests run in the environment where they are installed, not with the hub's own tests."""

collect_ignore = ["broker", "chat", "email", "mqtt", "postgres", "redis"]
