"""Estimators and tests: arrays in, numbers out (numpy and scipy only).

An outcome is a float: a finite value, or the worst possible one (+inf where small is good, -inf where large is) for a
run that diverged or failed, or NaN where nothing is known yet.
"""
