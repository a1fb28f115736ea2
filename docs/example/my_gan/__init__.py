"""A package of one's own: steadygan needs to be told nothing but the names in ../conf."""
