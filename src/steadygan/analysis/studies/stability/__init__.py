"""A trained GAN as a dynamical system: the eigenvalues of its game at a checkpoint, and what follows from them."""
