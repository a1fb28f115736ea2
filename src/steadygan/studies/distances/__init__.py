"""Distances between two parallel lines as functions of their distance (Arjovsky et al. 2017, section 2)."""
