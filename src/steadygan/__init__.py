"""Compare GAN stabilisation methods over sweeps and seeds."""

__version__ = "0.1.0"
