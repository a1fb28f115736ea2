"""``steadygan theory perfect-discriminator``."""
