"""Distances between two parallel lines as functions of their distance (seed B2)."""
