"""The smallest GAN: where its methods converge, and why (seeds E1, E2, E6, E7)."""
