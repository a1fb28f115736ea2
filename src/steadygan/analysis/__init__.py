"""Runs and algorithms looked at: linearised fields, spectra, oscillation, studies."""
