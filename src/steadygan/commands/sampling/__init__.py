"""``steadygan sample``: the pictures of a trained GAN."""
