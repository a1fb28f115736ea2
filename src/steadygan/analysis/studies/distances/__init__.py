"""Distances between two parallel lines as functions of their distance.

Reference: Arjovsky et al. (2017), section 2, arXiv:1701.07875.
"""
