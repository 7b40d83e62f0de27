"""The prompt studio."""
