"""The smallest GAN: where its methods converge, and why.

Reference: Mescheder et al. (2018), arXiv:1801.04406.
"""
