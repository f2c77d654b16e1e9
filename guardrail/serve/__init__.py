"""The gateway: every guarded route behind keys, limits and health checks of its own."""
