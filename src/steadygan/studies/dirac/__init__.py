"""The smallest GAN: where its methods converge, and why (Mescheder et al. 2018)."""
