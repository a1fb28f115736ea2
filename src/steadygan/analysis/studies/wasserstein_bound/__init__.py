"""``steadygan theory wasserstein-bound``."""
