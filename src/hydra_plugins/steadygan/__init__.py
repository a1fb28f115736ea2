"""Hydra's launchers and sweepers for steadygan."""
