"""``steadygan evaluate``: scores with other settings."""
