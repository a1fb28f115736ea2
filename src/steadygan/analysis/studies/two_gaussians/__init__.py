"""``steadygan theory two-gaussians``."""
