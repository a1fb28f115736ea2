"""``steadygan theory rank``."""
